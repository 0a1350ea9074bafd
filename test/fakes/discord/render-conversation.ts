import { mkdir, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import sharp from 'sharp';
import { openBrowser } from '../../browser/chromium.ts';
import { type ConversationView, conversationHtml } from './conversation-html.ts';

export interface NamedConversation extends ConversationView {
  readonly name: string;
}

/** Photographs conversations as the client would show them: `<folder>/<name>.png`, each below 250 kB. */
export async function photographConversations(conversations: readonly NamedConversation[], folder: string): Promise<void> {
  await mkdir(folder, { recursive: true });
  const browser = await openBrowser();
  try {
    const page = await browser.newPage({ viewport: { width: 760, height: 400 }, deviceScaleFactor: 1.5 });
    for (const conversation of conversations) {
      await page.setContent(conversationHtml(conversation), { waitUntil: 'load' });
      const picture = await page.screenshot({ fullPage: true });
      await writeFile(join(folder, `${conversation.name}.png`), await sharp(picture).png({ palette: true, quality: 90, compressionLevel: 9 }).toBuffer());
    }
  } finally {
    await browser.close();
  }
}
