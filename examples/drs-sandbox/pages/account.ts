import { type Html, html } from "../../web/html.js";
import type { Customer } from "../state/customers.js";

/** Fields that choose among a customer's addresses and ways to pay. */
export function accountFields(customer: Customer): Html {
  const options = (labels: readonly string[], chosen: number) =>
    labels.map(
      (label, index) =>
        html`<option value="${index}"${index === chosen && html` selected`}>${label}</option>`,
    );
  return html`<label>Shipping address
<select name="address">${options(customer.addresses, customer.address)}</select></label>
<label>Payment method
<select name="payment">${options(
    customer.payments.map(({ label }) => label),
    customer.payment,
  )}</select></label>`;
}

/** What was chosen by {@link accountFields}; undefined: nothing that is there. */
export function readAccount(
  form: URLSearchParams,
  customer: Customer,
): { readonly address: number; readonly payment: number } | undefined {
  const [address, payment] = ["address", "payment"].map((name) => Number(form.get(name) ?? Number.NaN));
  return customer.addresses[address!] !== undefined && customer.payments[payment!] !== undefined
    ? { address: address!, payment: payment! }
    : undefined;
}
