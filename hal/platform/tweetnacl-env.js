// tweetnacl hangs itself on `self` where there is no CommonJS. Without `self.crypto` it has no source of random bytes, and the uplink needs none.
globalThis.self = {};
