import {
  type RefCallback,
  type RefObject,
  useCallback,
  useEffect,
  useLayoutEffect,
  useMemo,
  useRef,
  useState,
} from 'react';
import { type Anchor, anchorAt, offsetsOf, type Row, type Span, spanOf, topOf } from './window.ts';

/** So near to the end, a reader is taken along. */
const NEAR = 80;
const MARGIN = 900;

export type Window = {
  scroller: RefObject<HTMLElement | null>;
  span: Span;
  /** The reader is at the end, and stays there while it grows. */
  atEnd: boolean;
  /** For each drawn row, so that its height is known. */
  measure: RefCallback<HTMLElement>;
  toEnd(): void;
  /** Brings a row to the upper part of what is seen. */
  toRow(key: number): void;
};

type Options = {
  rows: readonly Row[];
  /** What grows below the rows: when it changes, the end may have moved. */
  tail: unknown;
  /** `false`: the rows are an older stretch, their end is not the end. */
  ends: boolean;
  onTop(): void;
  onBottom(): void;
};

/** Draws of a long list what is seen, keeps the reading position, and keeps to the end while the reader is there. */
export function useWindow(options: Options): Window {
  const { rows, tail, ends } = options;
  const scroller = useRef<HTMLElement>(null);
  const latest = useRef(options);
  latest.current = options;
  const heights = useRef(new Map<number, number>());
  const [version, setVersion] = useState(0);
  const [seen, setSeen] = useState({ top: Number.MAX_SAFE_INTEGER, height: 900 });
  const [atEnd, setAtEnd] = useState(true);
  const following = useRef(ends);
  const anchor = useRef<Anchor | undefined>(undefined);
  const lastTop = useRef(0);
  // biome-ignore lint/correctness/useExhaustiveDependencies: measured heights are in a ref; their version says they changed
  const offsets = useMemo(() => offsetsOf(rows, heights.current), [rows, version]);
  const drawn = useRef({ rows, offsets });
  drawn.current = { rows, offsets };

  const look = useCallback((): void => {
    const element = scroller.current;
    if (!element) return;
    const { scrollTop: top, clientHeight: height, scrollHeight } = element;
    const near = scrollHeight - top - height < NEAR;
    // Only who scrolls up leaves the end; that it grew by more than a little does not take them from it.
    if (near) following.current = latest.current.ends;
    else if (top < lastTop.current - 1) following.current = false;
    lastTop.current = top;
    anchor.current = anchorAt(drawn.current.rows, drawn.current.offsets, top);
    setAtEnd(near || following.current);
    setSeen((before) => (Math.abs(before.top - top) < 100 && before.height === height ? before : { top, height }));
    if (top < MARGIN) latest.current.onTop();
    if (scrollHeight - top - height < MARGIN) latest.current.onBottom();
  }, []);

  useEffect(() => {
    const element = scroller.current;
    if (!element) return;
    look();
    element.addEventListener('scroll', look, { passive: true });
    return () => element.removeEventListener('scroll', look);
  }, [look]);

  const observer = useRef<ResizeObserver | undefined>(undefined);
  const observe = useCallback((): ResizeObserver => {
    observer.current ??= new ResizeObserver((entries) => {
      let changed = false;
      for (const { target, borderBoxSize } of entries) {
        const key = Number((target as HTMLElement).dataset.seq);
        const height = borderBoxSize[0]?.blockSize ?? 0;
        if (height === 0 || Math.abs((heights.current.get(key) ?? 0) - height) < 0.5) continue;
        heights.current.set(key, height);
        changed = true;
      }
      if (changed) setVersion((before) => before + 1);
    });
    return observer.current;
  }, []);
  useEffect(() => () => observer.current?.disconnect(), []);
  const measure = useCallback<RefCallback<HTMLElement>>(
    (element) => {
      if (!element) return;
      const observing = observe();
      observing.observe(element);
      return () => observing.unobserve(element);
    },
    [observe],
  );

  // biome-ignore lint/correctness/useExhaustiveDependencies: what is shown changed, so places may have moved
  useLayoutEffect(() => {
    const element = scroller.current;
    if (!element) return;
    const kept = anchor.current && topOf(anchor.current, rows, offsets);
    if (following.current && ends) element.scrollTop = element.scrollHeight;
    else if (kept !== undefined && Math.abs(kept - element.scrollTop) > 0.5) element.scrollTop = kept;
    lastTop.current = element.scrollTop;
  }, [rows, offsets, tail, ends, seen]);

  const toEnd = useCallback((): void => {
    following.current = true;
    anchor.current = undefined;
    const element = scroller.current;
    if (element) element.scrollTop = element.scrollHeight;
    look();
  }, [look]);

  const toRow = useCallback(
    (key: number): void => {
      const element = scroller.current;
      if (!element) return;
      following.current = false;
      anchor.current = { key, into: -element.clientHeight * 0.2 };
      const top = topOf(anchor.current, drawn.current.rows, drawn.current.offsets);
      if (top === undefined) return;
      const wanted = anchor.current;
      element.scrollTop = Math.max(0, top);
      lastTop.current = element.scrollTop;
      look();
      anchor.current = wanted;
    },
    [look],
  );

  return { scroller, span: spanOf(offsets, { ...seen, margin: MARGIN }), atEnd, measure, toEnd, toRow };
}
