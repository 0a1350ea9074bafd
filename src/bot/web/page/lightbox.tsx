import { useEffect, useRef } from 'preact/hooks';

export function Lightbox({ picture, onClose }: { readonly picture: { readonly src: string; readonly alt: string }; readonly onClose: () => void }) {
  const dialog = useRef<HTMLDialogElement>(null);
  useEffect(() => dialog.current?.showModal(), []);
  return (
    <dialog ref={dialog} class="lightbox" onClose={onClose} aria-label={picture.alt}>
      <button type="button" class="lightbox-close" aria-label="Close" onClick={onClose}>
        <img src={picture.src} alt={picture.alt} />
      </button>
      <p>{picture.alt}</p>
    </dialog>
  );
}
