// What devices of a rollout return to where that is not the base that it has for all.

export const rolloutBaseStatements: readonly string[] = [
  "alter table rollouts add column cohort_bases text not null default '[]'",
  "alter table rollout_devices add column base text",
];
