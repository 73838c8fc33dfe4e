import type { InventoryQueries, InventoryReport, InventoryRow } from "../gateway/database-inventory.js";
import { isHeld, type MemoryTables } from "./memory-database.js";

/** As {@link InventoryQueries}. */
export class MemoryInventory implements Pick<InventoryQueries, keyof InventoryQueries> {
  readonly #tables: MemoryTables;

  constructor(tables: MemoryTables) {
    this.#tables = tables;
  }

  async of(serial: string, slot: number): Promise<InventoryRow | undefined> {
    return this.#tables.inventory.get(`${serial} ${slot}`);
  }

  async plan(
    serial: string,
    slot: number,
    told: number,
    report: InventoryReport,
    token: number,
  ): Promise<boolean> {
    if (!isHeld(this.#tables, serial, token)) return false;
    const { messageId, sequence, consumed, remaining, sampledAt, uncertainty } = report;
    const pending = { messageId, sequence, consumed, remaining, sampledAt, uncertainty };
    const { reported = 0, reportedAt = null } = (await this.of(serial, slot)) ?? {};
    this.#tables.inventory.put(`${serial} ${slot}`, { told, reported, reportedAt, pending });
    return true;
  }

  async told(serial: string, slot: number, messageId: string, now: number): Promise<void> {
    const pending = (await this.of(serial, slot))?.pending;
    if (pending?.messageId !== messageId) return;
    const { consumed, sequence } = pending;
    this.#tables.inventory.put(`${serial} ${slot}`, {
      told: consumed,
      reported: sequence,
      reportedAt: now,
      pending: null,
    });
  }

  async untold(serial: string, slot: number, messageId: string): Promise<void> {
    if ((await this.of(serial, slot))?.pending?.messageId === messageId)
      this.#tables.inventory.change(`${serial} ${slot}`, { pending: null });
  }

  async begin(serial: string): Promise<void> {
    for (const { slot, consumed } of this.#tables.statuses.filter((row) => row.serial === serial)) {
      const { reported = 0 } = (await this.of(serial, slot)) ?? {};
      const row = { told: consumed, reported, reportedAt: null, pending: null };
      this.#tables.inventory.put(`${serial} ${slot}`, row);
    }
  }

  async schedule(serial: string, slot: number, due: number): Promise<void> {
    const [task] = this.#tables.tasks.filter(
      (row) => row.serial === serial && row.kind === "poll" && row.slot === slot && row.cycle === 0,
    );
    const id = task?.id ?? this.#tables.nextIdentity();
    this.#tables.tasks.put(String(id), { id, serial, kind: "poll", slot, cycle: 0, attempts: 0, dueAt: due });
  }
}
