import test from "ava";
import fc from "fast-check";
import { NetstringReader, netstring } from "../../../hal/simulator/netstring.js";

const text = (bytes: Uint8Array) => Buffer.from(bytes).toString("latin1");

test("a netstring is a length, a colon, the bytes of all parts and a comma", (t) => {
  t.is(text(netstring(Buffer.from("e"), Buffer.from("1+1"))), "4:e1+1,");
  t.is(text(netstring()), "0:,");
});

test("whatever is framed comes out again, however the stream is cut", (t) => {
  fc.assert(
    fc.property(
      fc.array(fc.uint8Array({ maxLength: 40 }), { maxLength: 12 }),
      fc.array(fc.integer({ min: 1, max: 9 }), { minLength: 1, maxLength: 40 }),
      (messages, sizes) => {
        const stream = Buffer.concat(messages.map((message) => netstring(message)));
        const reader = new NetstringReader();
        const found: Uint8Array[] = [];
        for (let at = 0, turn = 0; at < stream.length; turn++) {
          const size = sizes[turn % sizes.length]!;
          // The reader must not depend on a chunk staying as it was.
          const chunk = Uint8Array.from(stream.subarray(at, at + size));
          for (const message of reader.push(chunk)) found.push(Uint8Array.from(message));
          chunk.fill(0x2c);
          at += size;
        }
        t.deepEqual(found, messages);
      },
    ),
  );
});

test("many messages of one chunk come out in their order, the last once it is whole", (t) => {
  const reader = new NetstringReader();
  t.deepEqual([...reader.push(Buffer.from("1:a,2:bb,3:cc"))].map(text), ["a", "bb"]);
  t.deepEqual([...reader.push(Buffer.from("c"))].map(text), []);
  t.deepEqual([...reader.push(Buffer.from(","))].map(text), ["ccc"]);
});

test("what is no netstring is refused", (t) => {
  const read = (stream: string) => [...new NetstringReader().push(Buffer.from(stream))];
  t.throws(() => read("abc:def,"), { message: 'netstring: a length is accepted (got "abc")' });
  t.throws(() => read(":,"), { message: /a length is accepted/ });
  t.throws(() => read("-1:,"), { message: /a length is accepted/ });
  t.throws(() => read("3:abcd"), { message: /does not end in a comma/ });
  // No colon will make a length of this: it must not be gathered for ever.
  t.throws(() => read("a stack trace instead"), { message: /a length is accepted \(got "a stack tr"\)/ });
});
