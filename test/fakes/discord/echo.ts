import { ChannelType, GatewayIntentBits } from 'discord-api-types/v10';
import type { GatewayServer } from './gateway-server.ts';
import { messageJson } from './payloads.ts';
import type { StoredMessage, World } from './world.ts';

/** Tells every session about a message, as far as its intents reach; what one person alone sees stays quiet. */
export function publish(world: World, gateway: GatewayServer, event: 'MESSAGE_CREATE' | 'MESSAGE_UPDATE' | 'MESSAGE_DELETE', message: StoredMessage): void {
  const channel = world.channels.get(message.channelId);
  if (channel === undefined || !channel.hasBot || message.onlyFor !== undefined) return;
  const guildId = channel.guildId;
  if (guildId !== undefined && world.guilds.get(guildId)?.hasBot !== true) return;
  gateway.dispatch({
    event,
    guildId,
    intent: channel.type === ChannelType.DM ? GatewayIntentBits.DirectMessages : GatewayIntentBits.GuildMessages,
    data: (reader) =>
      event === 'MESSAGE_DELETE'
        ? { id: message.id, channel_id: message.channelId, ...(guildId === undefined ? {} : { guild_id: guildId }) }
        : messageJson(world, message, reader),
  });
}
