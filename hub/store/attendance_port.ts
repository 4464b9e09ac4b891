// What the store keeps of the times in which a hub was there to hear devices and to ask something of them.
import type { Absence } from "#hub/run/absence.ts";

export interface AttendanceStore {
  /** A hub that began then is still there.
   *  @param beganAt Unix ms, the same all its life */
  attend(beganAt: number, seenAt: number): Promise<void>;
  /** Times in which no hub was there, and those in which the fleet was paused. They may overlap. */
  absences(): Promise<Absence[]>;
}
