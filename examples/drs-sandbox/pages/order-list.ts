import { type Html, type HtmlValue, html } from "../../web/html.js";
import { CANCEL_WINDOW } from "../state/orders.js";
import type { SandboxOrder } from "../types.js";
import type { Session } from "./sessions.js";
import { button, form, moment, type PagesOptions } from "./visitor.js";

/** Orders, the newest first, with what their customer can do about them. */
export function orderList(
  { orders: book, devices }: PagesOptions,
  session: Session,
  orders: readonly SandboxOrder[],
): Html {
  if (orders.length === 0) return html`<p>There are no orders.</p>`;
  return html`${[...orders].reverse().map((order) => {
    const slot = devices.find(order.serial)?.slots.get(order.slotId);
    const product = slot?.products.find(({ asin }) => asin === order.asin);
    const name = product?.title ?? order.asin;
    const cancel = html`<input type="hidden" name="order" value="${order.instanceId}">${button(`Cancel order of ${name}`, "action", "cancel", true)}`;
    return html`<section>
<h3>${name}</h3>
<p>${order.quantity} ${order.unit}, ordered ${moment(order.acceptedAt)} by device ${order.serial}</p>
<p>${status(order)}</p>
${
  order.problem !== undefined &&
  html`<p class="alert">There is a problem with it. <a href="/your-orders/problem?order=${encodeURIComponent(order.instanceId)}">Solve the problem</a></p>`
}
${book.isCancellable(order) && form(session, cancel)}
</section>`;
  })}`;
}

function status(order: SandboxOrder): HtmlValue {
  switch (order.state) {
    case "accepted":
      return order.problem === undefined ? "Being processed" : "Waiting for you";
    case "placed":
      return html`Placed. It can be cancelled until ${moment((order.placedAt ?? 0) + CANCEL_WINDOW)}`;
    case "shipped":
      return html`Shipped, to arrive by ${moment(order.estimatedDelivery)}`;
    case "delivered":
      return html`Delivered ${moment(order.deliveredAt ?? 0)}`;
    case "cancelled":
      return html`Cancelled ${moment(order.cancelledAt ?? 0)}`;
  }
}

/** Cancels the order that a form names, if it is among `orders`, and says what became of it. */
export function cancelOrder(
  { orders: book, actions }: PagesOptions,
  session: Session,
  given: URLSearchParams,
  orders: readonly SandboxOrder[],
): void {
  const order = orders.find(({ instanceId }) => instanceId === given.get("order"));
  const isDone = order !== undefined && book.isCancellable(order);
  session.notify(isDone ? "The order is cancelled." : "The order cannot be cancelled any more.");
  if (isDone) actions.cancel(order.instanceId);
}
