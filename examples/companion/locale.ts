import { CATALOGUE } from "everfull/notices";

/** The customer's first choice of the languages that notices are in, by the header Accept-Language; default English. */
export function localeOf(accepted = ""): string {
  const wishes = accepted.split(",").map((each) => {
    const [range = "", ...parameters] = each.trim().split(";");
    const quality = parameters.map((text) => /^\s*q=([\d.]+)$/.exec(text)?.[1]).find((text) => text);
    return { language: range.split("-")[0]!.toLowerCase(), quality: Number(quality ?? 1) };
  });
  const [first] = wishes
    .filter(({ language, quality }) => quality > 0 && Object.hasOwn(CATALOGUE, language))
    .sort((a, b) => b.quality - a.quality);
  return first?.language ?? "en";
}

/** @param day `YYYY-MM-DD` */
export function longDate(day: string): string {
  const format = new Intl.DateTimeFormat("en", { dateStyle: "long", timeZone: "UTC" });
  return format.format(new Date(`${day}T00:00:00Z`));
}
