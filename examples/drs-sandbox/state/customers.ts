import { SandboxError } from "../errors.js";
import type { SandboxCustomer } from "../types.js";
import { customerId } from "./identifiers.js";

export interface Payment {
  readonly label: string;
  readonly isGood: boolean;
}

export interface Customer {
  readonly id: string;
  readonly name: string;
  readonly addresses: readonly string[];
  readonly payments: readonly Payment[];
  /** Index of the one orders go to. */
  address: number;
  /** Index of the one orders are paid with. */
  payment: number;
}

const DEFAULT_CUSTOMERS: readonly SandboxCustomer[] = Object.freeze([{ name: "Ada" }, { name: "Ben" }]);
const ADDRESSES = Object.freeze(["1 Sample Street, Springfield", "2 Test Road, Shelbyville"]);
const PAYMENTS = Object.freeze([
  { label: "Card ending in 1111", isGood: true },
  { label: "Card ending in 0002 (is declined)", isGood: false },
]);

/** Everyone with an account. */
export class Customers {
  readonly #byId = new Map<string, Customer>();

  /** @throws SandboxError BAD_OPTION */
  constructor(customers: readonly SandboxCustomer[] = DEFAULT_CUSTOMERS) {
    for (const given of customers) {
      const customer = checked(given);
      if (this.#byId.has(customer.id))
        throw new SandboxError("BAD_OPTION", `customer "${given.name}": id must be unique`);
      this.#byId.set(customer.id, customer);
    }
  }

  get all(): Iterable<Customer> {
    return this.#byId.values();
  }

  withId(id: string): Customer | undefined {
    return this.#byId.get(id);
  }

  /** The customer of that id, who gets an account if there is none. */
  owner(id: string, serial: string): Customer {
    const found = this.#byId.get(id);
    if (found) return found;
    const customer = checked({ id, name: `Owner of ${serial}` });
    this.#byId.set(id, customer);
    return customer;
  }
}

function checked(customer: SandboxCustomer): Customer {
  const { name, addresses = ADDRESSES, payments = PAYMENTS } = customer;
  const id = customer.id ?? customerId("name", name);
  for (const [field, value] of Object.entries({ id, name }))
    if (typeof value !== "string" || value === "")
      throw new SandboxError("BAD_OPTION", `customer "${name}": ${field} must be a text that is not empty`);
  for (const [field, list] of Object.entries({ addresses, payments }))
    if (list.length === 0)
      throw new SandboxError("BAD_OPTION", `customer "${name}": ${field} must not be empty`);
  return {
    id,
    name,
    addresses: [...addresses],
    payments: payments.map(({ label, isGood = true }) => ({ label, isGood })),
    address: 0,
    payment: 0,
  };
}
