import assert from "node:assert/strict";
import { createProgress } from "#edge/runtime/docker/progress.ts";
import { suite } from "#test/suite.ts";

const test = suite("pull progress");

test("weighs layers by their bytes, only rises and ends at 1", () => {
  const shares: number[] = [];
  const progress = createProgress((share) => shares.push(share));
  progress.note({ status: "Pulling from robot", id: "latest" });
  progress.note({ status: "Pulling fs layer", id: "a", progressDetail: {} });
  progress.note({ status: "Pulling fs layer", id: "b", progressDetail: {} });
  const downloading = (id: string, current: number, total: number): void =>
    progress.note({ status: "Downloading", id, progressDetail: { current, total } });
  downloading("a", 30, 60);
  downloading("b", 10, 20);
  downloading("b", 20, 20);
  progress.note({ status: "Download complete", id: "b" });
  progress.note({ status: "Extracting", id: "b", progressDetail: { current: 1, total: 20 } });
  progress.note({ status: "Download complete", id: "a" });
  assert.deepEqual(shares, [0.25, 0.5, 0.625, 1]);
});
