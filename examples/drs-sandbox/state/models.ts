import { SandboxError } from "../errors.js";
import type { NotificationVersion, SandboxModel, SandboxModelSlot, SandboxProduct } from "../types.js";
import { uuid } from "./identifiers.js";

/** A product that customers choose, with everything pages show. */
export interface Product extends SandboxProduct {
  readonly title: string;
}

export interface ModelSlot {
  readonly id: string;
  readonly name: string;
  readonly products: readonly Product[];
}

export interface Model {
  readonly id: string;
  readonly name: string;
  /** Undefined: the first client's. */
  readonly clientId: string | undefined;
  readonly compositeId: string;
  readonly isLive: boolean;
  notificationUrl: string | undefined;
  readonly notificationVersion: NotificationVersion | undefined;
  readonly slots: readonly ModelSlot[];
}

/** Checked copy of the models in the options. */
export class Models {
  readonly #byId = new Map<string, Model>();

  /** @throws SandboxError BAD_OPTION */
  constructor(models: readonly SandboxModel[]) {
    for (const given of models) {
      const model = checked(given);
      if (this.#byId.has(model.id)) throw bad(`model "${model.id}": id must be unique`);
      this.#byId.set(model.id, model);
    }
  }

  get all(): Iterable<Model> {
    return this.#byId.values();
  }

  withId(id: string): Model | undefined {
    return this.#byId.get(id);
  }

  withCompositeId(compositeId: string): Model | undefined {
    for (const model of this.#byId.values()) if (model.compositeId === compositeId) return model;
    return undefined;
  }
}

/** @throws SandboxError BAD_OPTION unless it can be a model id or a serial */
export function checkName(where: string, field: string, value: string): void {
  if (!isName(value))
    throw bad(`${where}: ${field} must be 1 to 64 characters of A-Z a-z 0-9 - + _ (got "${value}")`);
}

export function isName(value: unknown): value is string {
  return typeof value === "string" && /^[A-Za-z0-9+_-]{1,64}$/.test(value);
}

/** @throws SandboxError BAD_OPTION unless it is an http or https URL */
export function checkNotificationUrl(where: string, url: string): void {
  if (!URL.canParse(url) || !/^https?:$/.test(new URL(url).protocol))
    throw bad(`${where}: notificationUrl must be an http or https URL (got "${url}")`);
}

/** @throws SandboxError BAD_OPTION */
export function checkProduct(where: string, product: SandboxProduct): void {
  for (const field of ["asin", "unit"] as const)
    if (typeof product[field] !== "string" || product[field] === "")
      throw bad(`${where}: ${field} must be a text that is not empty (got "${product[field]}")`);
  if (!(Number.isFinite(product.quantity) && product.quantity > 0))
    throw bad(`${where}: quantity must be a number above 0 (got ${product.quantity})`);
}

/** @throws SandboxError BAD_OPTION */
export function checkVersion(where: string, version: string | undefined): void {
  if (version !== undefined && version !== "1" && version !== "2")
    throw bad(`${where}notificationVersion must be "1" or "2" (got "${version}")`);
}

function checked(model: SandboxModel): Model {
  const where = `model "${model.id}"`;
  checkName(where, "id", model.id);
  const compositeId =
    model.compositeId ?? `amzn1.dash.v1.composite.${uuid("composite", model.id).toLowerCase()}`;
  if (!/^amzn1\.dash\.v1\.composite\.[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}$/.test(compositeId))
    throw bad(
      `${where}: compositeId must be amzn1.dash.v1.composite. and a UUID in lower case (got "${compositeId}")`,
    );
  if (model.notificationUrl !== undefined) checkNotificationUrl(where, model.notificationUrl);
  checkVersion(`${where}: `, model.notificationVersion);
  const slots = model.slots.map((slot) => checkedSlot(where, slot));
  if (new Set(slots.map(({ id }) => id)).size < slots.length) throw bad(`${where}: slot ids must be unique`);
  return {
    id: model.id,
    name: model.name ?? model.id,
    clientId: model.clientId,
    compositeId,
    isLive: model.isLive ?? true,
    notificationUrl: model.notificationUrl,
    notificationVersion: model.notificationVersion,
    slots,
  };
}

function checkedSlot(where: string, slot: SandboxModelSlot): ModelSlot {
  const place = `${where}, slot "${slot.id}"`;
  if (typeof slot.id !== "string" || slot.id === "")
    throw bad(`${place}: id must be a text that is not empty`);
  if (slot.products.length === 0) throw bad(`${place}: products must not be empty`);
  for (const product of slot.products) checkProduct(place, product);
  if (new Set(slot.products.map(({ asin }) => asin)).size < slot.products.length)
    throw bad(`${place}: each asin must be there once`);
  return {
    id: slot.id,
    name: slot.name ?? slot.id,
    products: slot.products.map((product) => ({ ...product, title: product.title ?? product.asin })),
  };
}

function bad(message: string): SandboxError {
  return new SandboxError("BAD_OPTION", message);
}
