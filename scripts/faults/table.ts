// Every fault that the harness knows, in the order in which they are tried.
import type { Fault } from "./fault.ts";
import { agentHung } from "./kinds/agent_hung.ts";
import { agentPaused } from "./kinds/agent_paused.ts";
import { badBundle } from "./kinds/bad_bundle.ts";
import { clockAhead, clockBack, clockIn1970 } from "./kinds/clock.ts";
import {
  corruptedJournal,
  corruptedRelease,
  journalCorruptedWhileRunning,
} from "./kinds/corrupted.ts";
import { cut, cutWithContainers } from "./kinds/cut.ts";
import { inputOutputError, inputOutputErrorAtStart, readOnlyDisk } from "./kinds/disk_failing.ts";
import {
  diskFullForJournal,
  diskFullInDownload,
  diskFullInSafeMode,
  diskFullInUnpacking,
} from "./kinds/disk_full.ts";
import { dockerHung, dockerRestarted, dockerStopped } from "./kinds/docker.ts";
import { memoryLimit, registryUnreachable } from "./kinds/docker_images.ts";
import {
  agentKilledInHandOver,
  allButWorkloadsKilled,
  forwarderKilled,
  forwarderKilledInHandOver,
} from "./kinds/hand_over.ts";
import { failingHook } from "./kinds/held_update.ts";
import { hubAwayForAWeek, hubRestored } from "./kinds/hub_away.ts";
import { hubKilled, hubKilledIngesting, hubKilledPublishing } from "./kinds/hub_killed.ts";
import { poison, repeatedMessages } from "./kinds/messages.ts";
import { brokerGone, deafDevice, muteDevice, slowLink, truncatedStream } from "./kinds/network.ts";
import { partitions } from "./kinds/partition.ts";
import { powerCut } from "./kinds/power_cut.ts";
import { reconnectStorm } from "./kinds/reconnect_storm.ts";
import { forcePush, repositoryUnreachable } from "./kinds/repository.ts";
import { hubKilledRollout } from "./kinds/rollout.ts";
import { runCut } from "./kinds/run_cut.ts";
import { thirdFailure } from "./kinds/safe_mode.ts";
import { tornWrites } from "./kinds/torn_writes.ts";
import { twoAgents } from "./kinds/two_agents.ts";
import {
  crashLoop,
  hungryRelease,
  outOfMemory,
  portConflict,
  silentRelease,
} from "./kinds/workload.ts";

export const faults: readonly Fault[] = [
  ...[cut, runCut, powerCut, agentPaused, agentHung, twoAgents],
  ...[tornWrites, diskFullInDownload, diskFullInUnpacking, diskFullForJournal, diskFullInSafeMode],
  ...[
    readOnlyDisk,
    inputOutputError,
    inputOutputErrorAtStart,
    corruptedJournal,
    journalCorruptedWhileRunning,
  ],
  ...[corruptedRelease, clockIn1970, clockAhead, clockBack],
  ...[
    cutWithContainers,
    dockerStopped,
    dockerRestarted,
    dockerHung,
    registryUnreachable,
    memoryLimit,
  ],
  ...[forwarderKilled, forwarderKilledInHandOver, agentKilledInHandOver, allButWorkloadsKilled],
  ...[crashLoop, silentRelease, hungryRelease, outOfMemory, portConflict, thirdFailure],
  ...[badBundle, repeatedMessages, poison],
  ...[slowLink, truncatedStream, brokerGone, deafDevice, muteDevice, partitions],
  ...[hubKilled, hubKilledPublishing, hubKilledIngesting, hubKilledRollout, hubRestored],
  ...[reconnectStorm],
  ...[forcePush, repositoryUnreachable, failingHook, hubAwayForAWeek],
];
