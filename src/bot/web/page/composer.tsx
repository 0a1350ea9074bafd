import { useEffect, useRef, useState } from 'preact/hooks';
import { api } from './api.ts';
import { CommandHints, hintsFor } from './command-hints.tsx';
import { ClipIcon, CloseIcon, SendIcon } from './icons.tsx';
import type { PageEvent, PageState } from './page-state.ts';

export interface Draft {
  readonly text: string;
  readonly files: readonly string[];
}
interface ComposerProps {
  readonly state: PageState;
  readonly tell: (event: PageEvent) => void;
  readonly say: (draft: Draft) => Promise<void>;
  readonly report: (error: unknown) => void;
}
interface Attached {
  readonly id: string;
  readonly name: string;
}

export function Composer({ state, tell, say, report }: ComposerProps) {
  const field = useRef<HTMLTextAreaElement>(null);
  const [text, setText] = useState('');
  const [attached, setAttached] = useState<readonly Attached[]>([]);
  const [chosen, setChosen] = useState(0);
  const hints = hintsFor(text, state.about?.commands ?? []);

  useEffect(() => field.current?.focus(), [state.open, state.replyTo]);
  useEffect(() => {
    const { current } = field;
    if (current === null) return;
    current.style.height = 'auto';
    current.style.height = `${Math.min(current.scrollHeight, 220)}px`;
  }, [text]);

  const attach = (files: Iterable<File>) => {
    for (const file of files) {
      api.upload(file).then(({ id }) => setAttached((before) => [...before, { id, name: file.name }].slice(-4)), report);
    }
  };
  const send = () => {
    const draft = text.trim();
    if (draft === '' && attached.length === 0) return;
    const files = attached;
    setText('');
    setAttached([]);
    say({ text: draft, files: files.map(({ id }) => id) }).catch(() => {
      setText(draft); // nothing typed is lost
      setAttached(files);
    });
  };
  const complete = (name: string) => {
    setText(`/${name} `);
    setChosen(0);
    field.current?.focus();
  };
  const onKeyDown = (event: KeyboardEvent) => {
    const hint = hints[Math.min(chosen, hints.length - 1)];
    if (hint !== undefined && (event.key === 'ArrowDown' || event.key === 'ArrowUp')) {
      event.preventDefault();
      setChosen((chosen + (event.key === 'ArrowDown' ? 1 : hints.length - 1)) % hints.length);
    } else if (hint !== undefined && (event.key === 'Tab' || (event.key === 'Enter' && text !== `/${hint.name}`))) {
      event.preventDefault();
      complete(hint.name);
    } else if (event.key === 'Enter' && !event.shiftKey && !event.isComposing) {
      event.preventDefault();
      send();
    } else if (event.key === 'Escape' && state.replyTo !== undefined) {
      tell({ type: 'reply', to: undefined });
    }
  };

  return (
    <form
      class="composer"
      onSubmit={(event) => {
        event.preventDefault();
        send();
      }}
      onDragOver={(event) => event.preventDefault()}
      onDrop={(event) => {
        event.preventDefault();
        attach(event.dataTransfer?.files ?? []);
      }}
    >
      <CommandHints hints={hints} chosen={Math.min(chosen, hints.length - 1)} onChoose={complete} />
      {state.replyTo === undefined ? null : (
        <div class="chip">
          <span>Reply to: {state.replyTo.text.slice(0, 80)}</span>
          <button type="button" aria-label="Do not reply to this" onClick={() => tell({ type: 'reply', to: undefined })}>
            <CloseIcon />
          </button>
        </div>
      )}
      {attached.map(({ id, name }) => (
        <div class="chip" key={id}>
          <span>{name}</span>
          <button type="button" aria-label={`Remove ${name}`} onClick={() => setAttached(attached.filter((file) => file.id !== id))}>
            <CloseIcon />
          </button>
        </div>
      ))}
      <div class="composer-row">
        <label class="icon-button" title="Attach a text or a picture">
          <ClipIcon />
          <input
            type="file"
            multiple
            class="hidden"
            aria-label="Attach a text or a picture"
            onChange={({ currentTarget }) => attach(currentTarget.files ?? [])}
          />
        </label>
        <textarea
          ref={field}
          rows={1}
          value={text}
          placeholder="Ask something, or /imagine a picture"
          aria-label="Message"
          onInput={({ currentTarget }) => setText(currentTarget.value)}
          onKeyDown={onKeyDown}
          onPaste={(event) => attach(event.clipboardData?.files ?? [])}
        />
        <button type="submit" class="send" aria-label="Send" disabled={text.trim() === '' && attached.length === 0}>
          <SendIcon />
        </button>
      </div>
    </form>
  );
}
