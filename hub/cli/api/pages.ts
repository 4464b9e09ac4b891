// A list of the hub's, read page by page.
import type { ListOf } from "#hub/api/schema.ts";
import type { Http } from "./http.ts";

/** Every item: a caller that has enough stops the reading.
 *  @param onPage told how many have come, while there are more */
export async function* items<T>(
  http: Pick<Http, "json">,
  path: string,
  query: Record<string, string | number | undefined>,
  onPage?: (items: number) => void,
): AsyncGenerator<T> {
  let cursor: string | undefined;
  let count = 0;
  do {
    const page: ListOf<T> = await http.json({
      method: "GET",
      path,
      query: { ...query, ...(cursor === undefined ? {} : { cursor }) },
    });
    yield* page.items;
    count += page.items.length;
    cursor = page.next ?? undefined;
    if (cursor !== undefined) onPage?.(count);
  } while (cursor !== undefined);
}
