import UDP from "embedded:io/socket/udp";
import Resolver from "embedded:network/dns/resolver/udp";

/** What the resolver does; its typing wants callbacks that return null. */
export interface DnsResolver {
  resolve(request: DnsRequest): void;
}

export interface DnsRequest {
  readonly host: string;
  onResolved(host: string, address: string): void;
  onError(host: string): void;
}

const UdpResolver = Resolver as unknown as new (options: object) => DnsResolver;

/**
 * The address of a host, undefined when it has none; addresses are their own. The answer never comes before this returns.
 *
 * @param servers addresses of DNS servers
 */
export function lookUp(
  servers: readonly string[],
  host: string,
  then: (address: string | undefined) => void,
): void {
  new UdpResolver({ servers, socket: { io: UDP } }).resolve({
    host,
    onResolved: (_host, address) => then(address),
    onError: () => then(undefined),
  });
}
