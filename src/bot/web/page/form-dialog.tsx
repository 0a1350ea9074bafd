import { useEffect, useRef } from 'preact/hooks';
import type { Form } from '../../../commands/contract.ts';

interface FormDialogProps {
  readonly form: Form;
  readonly onSubmit: (values: Readonly<Record<string, string>>) => void;
  readonly onClose: () => void;
}

export function FormDialog({ form, onSubmit, onClose }: FormDialogProps) {
  const dialog = useRef<HTMLDialogElement>(null);
  useEffect(() => dialog.current?.showModal(), []);
  const submit = (event: SubmitEvent) => {
    event.preventDefault();
    if (!(event.target instanceof HTMLFormElement)) return;
    const values = new FormData(event.target);
    onSubmit(Object.fromEntries(form.fields.map(({ name }) => [name, String(values.get(name) ?? '')])));
  };
  return (
    <dialog ref={dialog} onClose={onClose} aria-label={form.title}>
      <form onSubmit={submit}>
        <h2>{form.title}</h2>
        {form.fields.map(({ name, label, value, multiline, required, maxLength, placeholder = '' }) => (
          <label key={name} htmlFor={`field-${name}`}>
            {label}
            {multiline ? (
              <textarea id={`field-${name}`} name={name} rows={4} required={required} maxLength={maxLength} placeholder={placeholder}>
                {value}
              </textarea>
            ) : (
              <input id={`field-${name}`} name={name} defaultValue={value} required={required} maxLength={maxLength} placeholder={placeholder} />
            )}
          </label>
        ))}
        <div class="dialog-buttons">
          <button type="button" onClick={onClose}>
            Cancel
          </button>
          <button type="submit" class="primary">
            OK
          </button>
        </div>
      </form>
    </dialog>
  );
}
