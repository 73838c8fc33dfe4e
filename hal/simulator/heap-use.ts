/** What lives in XS's heap after garbage collection, as a 32-bit chip would have it. */
export interface HeapUse {
  readonly slots: number;
  /** Bytes of the slots. */
  readonly slotBytes: number;
  /** Bytes of the chunks, headers included: strings, buffers, the elements of arrays, the tables of maps and sets, bytecode that is not in flash. */
  readonly chunkBytes: number;
}

/** Bytes of a heap slot on a 32-bit XS. */
export const SLOT_BYTES = 16;

/** Bytes of a slot and of a chunk's header in the worker's 64-bit XS. */
const WIDE_SLOT = 32;
const WIDE_HEADER = 16;
const HEADER = 8;
/** Offsets in a slot: its kind, and the value, which begins with the address of its chunk. */
const KIND = 8;
const VALUE = 16;
/** Kinds of slots whose chunk is of slots or of pointers, both of which are half as large on a chip: arguments, arrays, stacks; the global, maps, sets. */
const HALVED = new Set([14, 15, 16, 47, 25, 27, 33]);
const ATOM_HEAD = 8;

/**
 * Measures a snapshot of the XS worker. It is made of atoms, each with its length (itself included, big endian) and its name in 4 bytes each: `BLOC` has all
 * chunks and `HEAP` all slots that live.
 *
 * @throws {Error} when it is not a snapshot of a 64-bit XS
 */
export function heapUse(snapshot: Buffer): HeapUse {
  const atoms = new Map<string, Buffer>();
  // The first atom is the whole.
  for (let at = ATOM_HEAD; at + ATOM_HEAD <= snapshot.length; ) {
    const length = snapshot.readUInt32BE(at);
    if (length < ATOM_HEAD) break;
    atoms.set(snapshot.toString("latin1", at + 4, at + 8), snapshot.subarray(at + ATOM_HEAD, at + length));
    at += length;
  }
  const heap = atoms.get("HEAP");
  const chunks = atoms.get("BLOC");
  if (atoms.get("VERS")?.[3] !== WIDE_SLOT || !heap || !chunks)
    throw new Error("heap: a snapshot of a 64-bit XS is accepted");
  const halved = new Set<number>();
  const take = (slots: Buffer) => {
    for (let at = 0; at + WIDE_SLOT <= slots.length; at += WIDE_SLOT)
      if (HALVED.has(slots[at + KIND]!)) halved.add(Number(slots.readBigUInt64LE(at + VALUE)));
  };
  take(heap);
  take(atoms.get("STAC") ?? Buffer.alloc(0));
  let chunkBytes = 0;
  for (let at = 0; at + WIDE_HEADER <= chunks.length; ) {
    const size = chunks.readUInt32LE(at);
    if (size < WIDE_HEADER) throw new Error(`heap: a chunk of ${size} bytes`);
    const content = size - WIDE_HEADER;
    chunkBytes += HEADER + (halved.has(at + WIDE_HEADER) ? content / 2 : content);
    at += size;
  }
  const slots = heap.length / WIDE_SLOT;
  return { slots, slotBytes: slots * SLOT_BYTES, chunkBytes };
}
