import { type ReactNode, useEffect, useState } from 'react';
import { Icon } from '../../ui/icon.tsx';

type Props = { url: string | null; size: 'small' | 'large' };

/** A product's picture; where there is none, or it cannot be had, a box. An ornament: the name stands beside it. */
export function Picture({ url, size }: Props): ReactNode {
  const [broken, setBroken] = useState(false);
  // biome-ignore lint/correctness/useExhaustiveDependencies: another address is another try
  useEffect(() => setBroken(false), [url]);
  return (
    <span className={`picture picture-${size}`} aria-hidden="true">
      {url === null || url === '' || broken ? (
        <Icon name="box" />
      ) : (
        <img src={url} alt="" loading="lazy" referrerPolicy="no-referrer" onError={() => setBroken(true)} />
      )}
      {broken && size === 'large' && <span className="picture-words">The picture cannot be shown.</span>}
    </span>
  );
}
