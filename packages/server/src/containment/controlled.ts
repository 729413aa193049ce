/** Which stops take two people, under change control. */
import { type ControlledType, documentOf, shaped } from '../versions/index.ts';
import { DEFAULTS, readSettings, type Settings, storedSettings, writeSettings } from './settings.ts';

export const containmentSettingsType: ControlledType = {
  type: 'containment_settings',
  isPolicy: false,
  parse: (_id, document) => documentOf(settingsOf(document)),
  async list(client, workspaceId) {
    const settings = valuesOf(await readSettings(client, workspaceId));
    return new Map(settings === undefined ? [] : [['*', settings]]);
  },
  async read(client, workspaceId) {
    return valuesOf(await readSettings(client, workspaceId));
  },
  async apply(transaction, who, _id, document) {
    await writeSettings(transaction, who, settingsOf(document ?? DEFAULTS));
  },
};

function settingsOf(document: unknown) {
  return shaped(storedSettings, document, 'settings_invalid', 'The document');
}

/** Undefined: nobody ever set them. */
function valuesOf(settings: Settings) {
  return settings.author === null ? undefined : documentOf(storedSettings.parse(settings));
}
