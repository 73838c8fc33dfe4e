/** Topic that the device with this serial publishes to. */
export function upTopic(serial: string): string {
  return `everfull/${serial}/up`;
}

/** Topic that the device with this serial subscribes to. */
export function downTopic(serial: string): string {
  return `everfull/${serial}/down`;
}
