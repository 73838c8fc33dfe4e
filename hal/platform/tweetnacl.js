// The module `tweetnacl` on XS: its one script, as an ES module.
import "everfull/platform/tweetnacl-env";
import "tweetnacl/nacl-fast";

export default globalThis.self.nacl;
