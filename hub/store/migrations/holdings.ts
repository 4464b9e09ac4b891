// How much is kept of each device's history, what of it goes first, and the devices of a rollout by their place.

/** Bytes that an entry counts: its text, and about what its row takes with its keys in every index. */
export const entryBytes =
  "320 + octet_length(boot_id) + octet_length(coalesce(app, '')) + octet_length(body)";
/** The same of an event. */
export const eventBytes =
  "160 + octet_length(reason) + octet_length(coalesce(app, '')) + octet_length(message)";

/** What is missed least after a failure: everything but updates, runs, and their steps and logs. The index below
 *  is only taken by a query that says it in these words. */
export const isMinor = `kind not in ('update.started', 'step.started', 'step.finished', 'update.finished',
    'run.started', 'run.step.started', 'run.step.ended', 'run.log', 'run.ended')`;

export const holdingStatements: readonly string[] = [
  `create table holdings (
    device text primary key not null,
    journal_bytes bigint not null,
    event_bytes bigint not null,
    entries_cut bigint not null,
    events_cut bigint not null,
    exceeded_at bigint,
    cut_at bigint
  )`,
  "create index holdings_exceeded on holdings (exceeded_at, device) where exceeded_at is not null",
  `insert into holdings (device, journal_bytes, event_bytes, entries_cut, events_cut)
    select device, sum(in_journal), sum(in_events), 0, 0 from (
      select device, ${entryBytes} as in_journal, 0 as in_events from journal
      union all
      select device, 0, ${eventBytes} from events where device is not null
    ) as kept group by device`,
  `create index journal_minor on journal (device, received_at, epoch, seq)
    where ${isMinor}`,
  "alter table journal_marks add column moved_at bigint not null default 0",
  "create index rollout_devices_by_place on rollout_devices (rollout, place)",
];
