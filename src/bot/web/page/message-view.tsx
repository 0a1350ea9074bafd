import { useMemo, useState } from 'preact/hooks';
import type { WireMessage, WirePicture } from '../wire-message.ts';
import { CopyIcon, DownloadIcon, ReplyIcon } from './icons.tsx';
import { renderMarkdown } from './markdown.ts';
import type { PageEvent } from './page-state.ts';

interface MessageProps {
  readonly message: WireMessage;
  readonly tell: (event: PageEvent) => void;
  readonly press: (message: WireMessage, action: string) => void;
}

export function MessageView({ message, tell, press }: MessageProps) {
  if (message.role === 'user') {
    return (
      <li class="message own">
        <div class="bubble">{message.text}</div>
      </li>
    );
  }
  return (
    <li class={`message kind-${message.kind}${message.final ? '' : ' growing'}`} aria-busy={!message.final}>
      <img class="avatar" src="/icon.svg" alt="Fresco" width="28" height="28" />
      <div class="body">
        <Text text={message.text} />
        <Pictures message={message} tell={tell} />
        <Progress message={message} />
        <div class="actions">
          {message.actions.map((action) => (
            <button type="button" key={action.id} class={action.style} onClick={() => press(message, action.id)}>
              {action.emoji === undefined ? '' : `${action.emoji} `}
              {action.label}
            </button>
          ))}
          {message.final && message.kind === 'chat' ? <OwnTools message={message} tell={tell} /> : null}
        </div>
      </div>
    </li>
  );
}

function Text({ text }: { readonly text: string }) {
  const html = useMemo(() => renderMarkdown(text), [text]);
  if (text === '') return null;
  return <div class="markdown" dangerouslySetInnerHTML={{ __html: html }} />;
}

function OwnTools({ message, tell }: { readonly message: WireMessage; readonly tell: (event: PageEvent) => void }) {
  return (
    <>
      <button type="button" class="quiet" title="Copy" aria-label="Copy the answer" onClick={() => void navigator.clipboard.writeText(message.text)}>
        <CopyIcon />
      </button>
      <button type="button" class="quiet" title="Reply to this" aria-label="Reply to this answer" onClick={() => tell({ type: 'reply', to: message })}>
        <ReplyIcon />
      </button>
    </>
  );
}

function Pictures({ message, tell }: { readonly message: WireMessage; readonly tell: (event: PageEvent) => void }) {
  if (message.pictures.length === 0) return null;
  return (
    <div class={message.pictures.length > 1 ? 'pictures grid' : 'pictures'}>
      {message.pictures.map((picture, index) => (
        <PictureView key={index} picture={picture} tell={tell} />
      ))}
    </div>
  );
}

/** Enlarges small pictures to a pleasant size, keeping their shape. */
function shownSize({ width, height }: WirePicture): { width: number; height: number } {
  const scale = Math.min(512 / Math.max(width, height, 1), width < 512 ? 1.25 : 1);
  return { width: Math.round(width * scale), height: Math.round(height * scale) };
}

function PictureView({ picture, tell }: { readonly picture: WirePicture; readonly tell: (event: PageEvent) => void }) {
  const [isHidden, setHidden] = useState(picture.spoiler);
  const size = shownSize(picture);
  const image = <img src={picture.src} alt={picture.alt} {...size} class={picture.isPreview ? 'preview' : 'finished'} draggable={!picture.isPreview} />;
  if (isHidden) {
    return (
      <button type="button" class="frame spoiler" aria-label="Show the hidden picture" onClick={() => setHidden(false)}>
        {image}
        <span>Show</span>
      </button>
    );
  }
  if (picture.isPreview) return <div class="frame">{image}</div>;
  return (
    <div class="frame">
      <button
        type="button"
        class="zoom"
        aria-label={`Enlarge: ${picture.alt}`}
        onClick={() => tell({ type: 'lightbox', picture: { src: picture.src, alt: picture.alt } })}
      >
        {image}
      </button>
      <a class="download" href={picture.src} download={fileName(picture.alt)} title="Download" aria-label="Download the picture">
        <DownloadIcon />
      </a>
    </div>
  );
}

const fileName = (alt: string): string =>
  `${
    alt
      .toLowerCase()
      .replaceAll(/[^a-z0-9]+/g, '-')
      .slice(0, 60)
      .replaceAll(/^-|-$/g, '') || 'picture'
  }.png`;

function Progress({ message }: { readonly message: WireMessage }) {
  const { status, statusLine } = message;
  if (status === undefined || statusLine === undefined || statusLine === '') return null;
  const share = status.phase === 'painting' ? status.step / Math.max(status.steps, 1) : undefined;
  return (
    <div class={`status ${status.phase}`} role="status">
      {share === undefined ? null : <progress value={share} max={1} aria-label={statusLine} />}
      {message.final ? null : <span class="dot" />}
      <span>{statusLine}</span>
    </div>
  );
}
