import type { Notice } from "./notices.js";

/** What a notice says, with `{slot}` where the name of the consumable goes. */
export type Texts = Readonly<Record<Notice, string>>;

/** By language, ISO 639-1. */
export type Catalogue = Readonly<Record<string, Texts>>;

/** "Amazon Dash Replenishment" is the name that customers know, in every language. */
export const CATALOGUE: Catalogue = Object.freeze({
  en: Object.freeze({
    "cancelled-once":
      "{slot}: your cancellation is recorded. Amazon Dash Replenishment will reorder in 5 days.",
    "cancelled-twice":
      "{slot}: your second cancellation is recorded. Amazon Dash Replenishment will not reorder until it is filled to 100 %.",
    reinsert: "{slot}: please reinsert it. Until then its level is not known.",
    sensor: "{slot}: its level cannot be measured. Please check that it sits correctly.",
    storage: "The device cannot save its data. Nothing is reordered until it can.",
    clock: "{slot}: the device does not know the time, so nothing is reordered. Please check its network.",
    "set-up-again":
      "Setting up Amazon Dash Replenishment did not work. Please try again in the settings of your device.",
    "not-delivered":
      "The device could not reach the network to end Amazon Dash Replenishment. Please deregister it under Manage Your Content and Devices at Amazon.",
  }),
  de: Object.freeze({
    "cancelled-once":
      "{slot}: Ihre Stornierung ist vermerkt. Amazon Dash Replenishment bestellt in 5 Tagen erneut.",
    "cancelled-twice":
      "{slot}: Ihre zweite Stornierung ist vermerkt. Amazon Dash Replenishment bestellt erst wieder, wenn auf 100 % aufgefüllt wurde.",
    reinsert: "{slot}: Bitte setzen Sie den Behälter wieder ein. Bis dahin ist der Füllstand unbekannt.",
    sensor: "{slot}: Der Füllstand lässt sich nicht messen. Bitte prüfen Sie den Sitz des Behälters.",
    storage: "Das Gerät kann seine Daten nicht speichern. Solange wird nichts nachbestellt.",
    clock:
      "{slot}: Das Gerät kennt die Uhrzeit nicht, daher wird nichts nachbestellt. Bitte prüfen Sie sein Netzwerk.",
    "set-up-again":
      "Die Einrichtung von Amazon Dash Replenishment hat nicht geklappt. Bitte versuchen Sie es in den Einstellungen Ihres Geräts noch einmal.",
    "not-delivered":
      "Das Gerät konnte das Netzwerk nicht erreichen, um Amazon Dash Replenishment zu beenden. Bitte melden Sie es bei Amazon unter „Meine Inhalte und Geräte“ ab.",
  }),
  es: Object.freeze({
    "cancelled-once":
      "{slot}: tu cancelación ha quedado registrada. Amazon Dash Replenishment volverá a pedir en 5 días.",
    "cancelled-twice":
      "{slot}: tu segunda cancelación ha quedado registrada. Amazon Dash Replenishment no volverá a pedir hasta que esté lleno al 100 %.",
    reinsert: "{slot}: vuelve a colocarlo. Hasta entonces no se conoce su nivel.",
    sensor: "{slot}: no se puede medir su nivel. Comprueba que esté bien colocado.",
    storage: "El dispositivo no puede guardar sus datos. Mientras tanto no se pide nada.",
    clock: "{slot}: el dispositivo no sabe qué hora es, así que no se pide nada. Comprueba su red.",
    "set-up-again":
      "La configuración de Amazon Dash Replenishment no ha funcionado. Inténtalo de nuevo en los ajustes de tu dispositivo.",
    "not-delivered":
      "El dispositivo no ha podido conectarse a la red para finalizar Amazon Dash Replenishment. Anula su registro en Amazon, en «Gestionar contenido y dispositivos».",
  }),
});

export interface TextOptions {
  /** Such as `de` or `de-AT`: the language counts. One that the catalogue does not have is English. Default `en`. */
  readonly locale?: string;
  /** Name of the consumable, as the customer knows it. */
  readonly slot?: string;
  /** The product's own texts: of a language that is here or of another, all of them or some. */
  readonly texts?: Readonly<Record<string, Partial<Texts>>>;
}

/** What a notice says in the customer's language. */
export function noticeText(notice: Notice, options: TextOptions = {}): string {
  const { locale = "en", slot = "", texts } = options;
  const language = locale.slice(0, 2).toLowerCase();
  const text =
    texts?.[language]?.[notice] ??
    CATALOGUE[language]?.[notice] ??
    texts?.en?.[notice] ??
    CATALOGUE.en![notice];
  return text.replace("{slot}", () => slot);
}
