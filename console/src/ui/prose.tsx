import { memo, type ReactNode } from 'react';
import { type Block, blocks, type Inline } from '../lib/markdown.ts';

/** What somebody said or wrote. Positions are keys: the text only grows. */
export const Prose = memo(function Prose({ text, tail }: { text: string; tail?: ReactNode }): ReactNode {
  const parts = blocks(text);
  const inside = tail !== undefined && parts.at(-1)?.kind === 'paragraph';
  return (
    <div className="prose">
      {parts.map((block, i) => drawBlock(block, i, inside && i === parts.length - 1 ? tail : undefined))}
      {tail !== undefined && !inside && <p>{tail}</p>}
    </div>
  );
});

function drawBlock(block: Block, key: number, tail: ReactNode): ReactNode {
  switch (block.kind) {
    case 'paragraph':
      return (
        <p key={key}>
          {block.children.map(drawInline)}
          {tail}
        </p>
      );
    case 'quote':
      return <blockquote key={key}>{block.children.map(drawInline)}</blockquote>;
    case 'heading':
      return (
        <p key={key} className={`prose-heading prose-heading-${Math.min(block.level, 3)}`}>
          {block.children.map(drawInline)}
        </p>
      );
    case 'code':
      return (
        // biome-ignore lint/a11y/noNoninteractiveTabindex: a block that scrolls must be reachable by keyboard
        <pre key={key} tabIndex={0}>
          <code>{block.text}</code>
        </pre>
      );
    case 'list': {
      const items = block.items.map((item, i) => (
        // biome-ignore lint/suspicious/noArrayIndexKey: the text only grows
        <li key={i}>{item.map(drawInline)}</li>
      ));
      return block.ordered ? (
        <ol key={key} start={block.start}>
          {items}
        </ol>
      ) : (
        <ul key={key}>{items}</ul>
      );
    }
  }
}

function drawInline(inline: Inline, key: number): ReactNode {
  switch (inline.kind) {
    case 'text':
      return inline.text;
    case 'code':
      return <code key={key}>{inline.text}</code>;
    case 'strong':
      return <strong key={key}>{inline.children.map(drawInline)}</strong>;
    case 'em':
      return <em key={key}>{inline.children.map(drawInline)}</em>;
    case 'link':
      return (
        <a key={key} href={inline.href} target="_blank" rel="noreferrer noopener">
          {inline.children.map(drawInline)}
        </a>
      );
  }
}
