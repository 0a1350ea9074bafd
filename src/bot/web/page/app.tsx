import { useCallback, useEffect, useReducer, useRef } from 'preact/hooks';
import type { WireMessage, WireReception } from '../wire-message.ts';
import { api, freshId, listen } from './api.ts';
import { Composer, type Draft } from './composer.tsx';
import { Conversation } from './conversation.tsx';
import { FormDialog } from './form-dialog.tsx';
import { Gallery } from './gallery.tsx';
import { Header } from './header.tsx';
import { Lightbox } from './lightbox.tsx';
import { firstState, nextState } from './page-state.ts';
import { Sidebar } from './sidebar.tsx';

const openInAddress = (): string => (/^#\/([A-Za-z0-9_-]{8,64})$/.exec(location.hash) ?? [])[1] ?? freshId();

/** The whole page behind the door. */
export function App() {
  const [state, tell] = useReducer(nextState, openInAddress(), firstState);
  const openRef = useRef(state.open);
  openRef.current = state.open;

  const report = useCallback((error: unknown) => {
    tell({ type: 'toast', text: error instanceof Error ? error.message : String(error) });
  }, []);
  const readConversations = useCallback(() => {
    api.conversations().then((conversations) => tell({ type: 'conversations', conversations }), report);
  }, [report]);
  const readTranscript = useCallback(
    (conversation: string) => {
      api.transcript(conversation).then((messages) => tell({ type: 'transcript', conversation, messages }), report);
    },
    [report],
  );

  useEffect(() => {
    api.about().then((about) => tell({ type: 'about', about }), report);
    readConversations();
    return listen(
      (update) => {
        tell({ type: 'update', update });
        if (update.message.final) readConversations();
      },
      (isConnected) => {
        tell({ type: 'connected', isConnected });
        if (isConnected) readTranscript(openRef.current);
      },
    );
  }, [readConversations, readTranscript, report]);

  useEffect(() => {
    history.replaceState(null, '', `#/${state.open}`);
    readTranscript(state.open);
  }, [state.open, readTranscript]);

  useEffect(() => {
    if (state.toast === undefined) return;
    const timer = setTimeout(() => tell({ type: 'toast', text: undefined }), 8000);
    return () => clearTimeout(timer);
  }, [state.toast]);

  const take = (reception: WireReception) => {
    if (reception.kind === 'form') tell({ type: 'form', form: reception.form });
    if (reception.kind === 'answer') tell({ type: 'add', message: reception.message });
  };
  const say = async ({ text, files }: Draft) => {
    const conversation = state.open;
    const id = freshId();
    const command = /^\/([a-z]+)(?:\s+([\s\S]*))?$/.exec(text);
    tell({ type: 'add', message: ownMessage(id, text) });
    const replyTo = state.replyTo?.id;
    tell({ type: 'reply', to: undefined });
    try {
      take(
        command === null
          ? await api.chat({ conversation, message: id, text, files, ...(replyTo === undefined ? {} : { replyTo }) })
          : await api.command({ conversation, command: command[1] ?? '', text: command[2] ?? '', files }),
      );
    } catch (error) {
      tell({ type: 'drop', id });
      report(error);
      throw error;
    }
  };
  const press = (message: WireMessage, action: string) => {
    api.press({ conversation: state.open, message: message.id, action }).then(take, report);
  };
  const submitForm = (values: Readonly<Record<string, string>>) => {
    const { form } = state;
    tell({ type: 'form', form: undefined });
    if (form !== undefined) api.form({ conversation: state.open, form: form.id, values }).then(take, report);
  };

  return (
    <div class={state.isSidebarOpen ? 'layout sidebar-open' : 'layout'}>
      <Sidebar state={state} tell={tell} />
      <main>
        <Header state={state} tell={tell} />
        {state.view === 'gallery' ? (
          <Gallery tell={tell} report={report} />
        ) : (
          <>
            <Conversation state={state} tell={tell} press={press} suggest={(text) => void say({ text, files: [] }).catch(() => undefined)} />
            <Composer state={state} tell={tell} say={say} report={report} />
          </>
        )}
      </main>
      {state.form === undefined ? null : <FormDialog form={state.form} onSubmit={submitForm} onClose={() => tell({ type: 'form', form: undefined })} />}
      {state.lightbox === undefined ? null : <Lightbox picture={state.lightbox} onClose={() => tell({ type: 'lightbox', picture: undefined })} />}
      <div class="toast" role="alert" hidden={state.toast === undefined}>
        {state.toast}
      </div>
    </div>
  );
}

function ownMessage(id: string, text: string): WireMessage {
  return { id, role: 'user', speaker: 'You', createdAtMs: Date.now(), kind: 'chat', text, pictures: [], actions: [], final: true };
}
