import { useEffect, useState } from 'preact/hooks';
import { api, type PictureEntry } from './api.ts';
import type { PageEvent } from './page-state.ts';

export function Gallery({ tell, report }: { readonly tell: (event: PageEvent) => void; readonly report: (error: unknown) => void }) {
  const [pictures, setPictures] = useState<readonly PictureEntry[] | undefined>();
  useEffect(() => {
    api.pictures().then(setPictures, report);
  }, [report]);
  if (pictures === undefined) return <div class="gallery" aria-busy="true" />;
  if (pictures.length === 0) return <p class="empty">No pictures yet. Try “/imagine a red apple on a blue background”.</p>;
  return (
    <ul class="gallery">
      {pictures.map(({ job, src, prompt, width, height, conversation }) => (
        <li key={`${job}${src}`}>
          <button type="button" aria-label={`Enlarge: ${prompt}`} onClick={() => tell({ type: 'lightbox', picture: { src, alt: prompt } })}>
            <img src={src} alt={prompt} width={width} height={height} loading="lazy" />
          </button>
          {conversation === undefined ? (
            <span class="caption">{prompt}</span>
          ) : (
            <button type="button" class="caption" onClick={() => tell({ type: 'open', conversation })}>
              {prompt}
            </button>
          )}
        </li>
      ))}
    </ul>
  );
}
