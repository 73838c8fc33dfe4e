import WiFi from "wifi";

/**
 * Opens an access point of the device's own, with the address 192.168.4.1. The class that makes it and the one of {@link WifiStation} do not know of
 * each other, so that a run of the firmware has the one or the other.
 *
 * @param password 8 to 63 characters: what is set up over it goes through the air
 * @throws what the platform throws
 */
export function openAccessPoint(ssid: string, password: string): void {
  WiFi.accessPoint({ ssid, password });
}
