import { html } from "../../web/html.js";
import type { OrderProblem, SandboxOrder } from "../types.js";
import { accountFields, readAccount } from "./account.js";
import { pageReply, problemPage, seeOther } from "./layout.js";
import { cancelOrder, orderList } from "./order-list.js";
import { button, form, notice, type PageHandler, toSignIn, whoIs } from "./visitor.js";

const PATH = "/your-orders";

const PROBLEMS: Readonly<Record<OrderProblem, string>> = Object.freeze({
  payment: "The payment was declined. Choose another way to pay, or the order is cancelled after 72 hours.",
  address: "It cannot be shipped to this address. Choose another, or the order is cancelled after 72 hours.",
  stock: "It is out of stock. There is nothing to do but to wait; after 72 hours the order is cancelled.",
});

export const showOrders: PageHandler = (options, visitor) => {
  const { session } = visitor;
  const { customer } = session;
  if (customer === undefined) return toSignIn(visitor);
  return pageReply({
    title: "Your orders",
    body: html`${notice(session)}${orderList(options, session, options.orders.of(customer.id))}${whoIs(session, customer, PATH)}`,
  });
};

export const postOrders: PageHandler = (options, visitor) => {
  const { session, form: given } = visitor;
  if (session.customer === undefined) return toSignIn(visitor);
  cancelOrder(options, session, given, options.orders.of(session.customer.id));
  return seeOther(PATH);
};

export const showProblem: PageHandler = (options, visitor) => {
  const { session, call } = visitor;
  const { customer } = session;
  if (customer === undefined) return toSignIn(visitor);
  const order = withProblem(options.orders.of(customer.id), call.query.get("order"));
  if (order === undefined) return solved();
  return pageReply({
    title: "A problem with your order",
    body: html`${notice(session)}<p class="alert">${PROBLEMS[order.problem]}</p>
${order.problem !== "stock" && form(session, html`<input type="hidden" name="order" value="${order.instanceId}">${accountFields(customer)}${button("Save", "action", "account")}`)}
<p><a href="${PATH}">Your orders</a></p>`,
  });
};

export const postProblem: PageHandler = (options, visitor) => {
  const { session, form: given } = visitor;
  const { customer } = session;
  if (customer === undefined) return seeOther(PATH);
  const order = withProblem(options.orders.of(customer.id), given.get("order"));
  if (order === undefined) return solved();
  const again = `${PATH}/problem?order=${encodeURIComponent(order.instanceId)}`;
  const account = readAccount(given, customer);
  if (account === undefined) return problemPage("Not saved", "Choose an address and a payment method.");
  const isMoved = account.address !== customer.address;
  const isPaid = customer.payments[account.payment]!.isGood;
  options.actions.setAccount(customer, account.address, account.payment);
  // the account solves a payment by itself
  if (order.problem === "payment" && !isPaid) session.notify("This payment is declined, too.");
  else if (order.problem === "address" && !isMoved) session.notify("Choose another address.");
  else if (order.problem !== "stock") {
    if (order.problem === "address") options.actions.resolve(order.instanceId);
    session.notify("The problem is solved: the order is placed.");
    return seeOther(PATH);
  }
  return seeOther(again);
};

type WithProblem = SandboxOrder & { readonly problem: OrderProblem };

function withProblem(orders: readonly SandboxOrder[], instanceId: string | null): WithProblem | undefined {
  return orders.find(
    (order): order is WithProblem => order.instanceId === instanceId && order.problem !== undefined,
  );
}

function solved() {
  return problemPage(
    "There is no problem",
    "This order is not waiting for you.",
    html`<p><a href="${PATH}">Your orders</a></p>`,
    404,
  );
}
