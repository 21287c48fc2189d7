import { Component, type ReactNode } from 'react';
import { Button } from './controls.tsx';
import { Empty } from './states.tsx';

/** A fault of ours ends one page, not the console. */
export class ErrorBoundary extends Component<{ children: ReactNode }, { failed: boolean }> {
  override state = { failed: false };

  static getDerivedStateFromError(): { failed: boolean } {
    return { failed: true };
  }

  override render(): ReactNode {
    if (!this.state.failed) return this.props.children;
    return (
      <div className="page">
        <Empty
          title="This page broke"
          action={
            <Button look="primary" onClick={() => window.location.reload()}>
              Reload
            </Button>
          }
        >
          The fault is the console’s. Nothing on the server was changed by it.
        </Empty>
      </div>
    );
  }
}
