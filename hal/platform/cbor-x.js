// The module `cbor-x` on XS: what the codec uses of it, without its iterators.
import "everfull/platform/typed-array-names";

export { Decoder } from "cbor-x/decode";
export { Encoder } from "cbor-x/encode";
