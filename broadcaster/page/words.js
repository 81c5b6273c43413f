// words.js: every word on the page, in English and German. The browser's first language that we have decides.

const ENGLISH = {
  today: 'Today', live: 'Live calls', finished: 'Finished calls', filter: 'Filter: number, agent or id',
  nobodyCalls: 'Nobody is on the phone right now. The next call appears here by itself.',
  nothingFinished: 'No finished call yet.', noMatch: 'No call matches the filter.', older: 'Show older calls', close: 'Close',
  signIn: 'Sign in', signInHow: 'This dashboard needs an access token. Whoever runs hookline makes one with “hookline token create”.',
  token: 'Access token', open: 'Open the dashboard', refused: 'This token is unknown, revoked or expired.',
  caller: 'Caller', called: 'Called', agent: 'Agent', status: 'Status', time: 'Time', start: 'Start', duration: 'Duration', reason: 'Reason',
  sentiment: 'Sentiment', cost: 'Cost', missing: 'Still missing', unknownCaller: 'withheld', webCall: 'web call',
  liveNow: 'Live now', callsToday: 'Calls today', averageDuration: 'Average duration', costToday: 'Cost today', lacking: 'Incomplete',
  lackingHint: 'something is still to come', answered: (share) => `${share} connected`,
  connecting: 'Connecting …', waiting: 'Server is starting …', connected: 'Live', reconnecting: 'Reconnecting …', offline: 'Not connected',
  stale: (age) => `Not connected. What you see is ${age} old; it will catch up by itself.`,
  lastUpdate: 'Last update', never: 'none yet', ago: (age) => `${age} ago`, stream: 'Stream', broker: 'Kafka', database: 'Database',
  lag: 'Waiting records', fine: 'fine', away: 'away', since: 'since', version: 'Version', unread: 'not known',
  summary: 'Summary', transcript: 'Transcript', noTranscript: 'No transcript yet.', latency: 'Latency', breakdown: 'Cost by product',
  timeline: 'Timeline', facts: 'Facts', analysis: 'Analysis', metadata: 'Metadata', recording: 'Listen to the recording',
  successful: 'Successful', voicemail: 'Voicemail', yes: 'yes', no: 'no', callId: 'Call id', source: 'Source', type: 'Type', ended: 'End',
  notFound: 'This call is not here (any more).', loading: 'Loading …', total: 'Total', resolvedBy: 'found by', received: 'received',
  statuses: { registered: 'Registered', ongoing: 'Ongoing', ended: 'Ended', not_connected: 'Not connected', error: 'Error' },
  sentiments: { Positive: 'Positive', Neutral: 'Neutral', Negative: 'Negative', Unknown: 'Unclear' },
  lacks: { cost: 'Cost', transcript: 'Transcript', summary: 'Summary', latency: 'Latency', recording: 'Recording' },
  directions: { inbound: 'inbound', outbound: 'outbound' },
  types: { phone_call: 'phone', web_call: 'web' },
  roles: { Agent: 'Agent', User: 'Caller' },
  reasons: {
    user_hangup: 'Caller hung up', agent_hangup: 'Agent hung up', call_transfer: 'Transferred', voicemail_reached: 'Voicemail',
    ivr_reached: 'Phone menu', inactivity: 'Silence', max_duration_reached: 'Longest duration', concurrency_limit_reached: 'Too many calls at once',
    no_valid_payment: 'No valid payment', dial_busy: 'Busy', dial_failed: 'Dialling failed', dial_no_answer: 'No answer',
    invalid_destination: 'Invalid number', user_declined: 'Declined', marked_as_spam: 'Marked as spam', scam_detected: 'Scam detected',
    manual_stopped: 'Stopped by hand', transfer_bridged: 'Transferred', transfer_cancelled: 'Transfer cancelled',
    registered_call_timeout: 'Never begun', error_user_not_joined: 'Caller never joined', error_asr: 'Speech recognition failed',
    error_no_audio_received: 'No audio', error_llm_websocket_open: 'Language model unreachable', error_retell: 'Fault of the platform',
    error_llm_websocket_lost_connection: 'Language model lost', error_llm_websocket_runtime: 'Language model failed', error_unknown: 'Unknown fault',
    telephony_provider_unavailable: 'Telephony away', sip_routing_error: 'Routing failed', call_take_over: 'Taken over',
  },
  events: {
    call_started: 'Call started', call_ended: 'Call ended', call_analyzed: 'Call analysed', call_synced: 'Fetched from the platform',
    call_gone: 'Unknown to the platform', call_assigned: 'Assigned', transcript_updated: 'Transcript grew', transfer_started: 'Transfer started',
    transfer_bridged: 'Transfer connected', transfer_cancelled: 'Transfer cancelled', transfer_ended: 'Transfer ended',
  },
};

const GERMAN = {
  today: 'Heute', live: 'Laufende Anrufe', finished: 'Beendete Anrufe', filter: 'Filter: Nummer, Agent oder ID',
  nobodyCalls: 'Gerade telefoniert niemand. Der nächste Anruf erscheint hier von selbst.',
  nothingFinished: 'Noch kein beendeter Anruf.', noMatch: 'Kein Anruf passt zum Filter.', older: 'Ältere Anrufe zeigen', close: 'Schließen',
  signIn: 'Anmelden', signInHow: 'Dieses Dashboard braucht ein Zugangstoken. Wer hookline betreibt, erzeugt eines mit „hookline token create“.',
  token: 'Zugangstoken', open: 'Dashboard öffnen', refused: 'Dieses Token ist unbekannt, widerrufen oder abgelaufen.',
  caller: 'Anrufer', called: 'Angerufen', agent: 'Agent', status: 'Status', time: 'Zeit', start: 'Beginn', duration: 'Dauer', reason: 'Grund',
  sentiment: 'Stimmung', cost: 'Kosten', missing: 'Fehlt noch', unknownCaller: 'unterdrückt', webCall: 'Web-Anruf',
  liveNow: 'Gerade live', callsToday: 'Anrufe heute', averageDuration: 'Mittlere Dauer', costToday: 'Kosten heute', lacking: 'Unvollständig',
  lackingHint: 'etwas fehlt noch', answered: (share) => `${share} verbunden`,
  connecting: 'Verbinde …', waiting: 'Server startet …', connected: 'Live', reconnecting: 'Verbinde erneut …', offline: 'Nicht verbunden',
  stale: (age) => `Nicht verbunden. Der gezeigte Stand ist ${age} alt und holt von selbst auf.`,
  lastUpdate: 'Letzte Änderung', never: 'noch keine', ago: (age) => `vor ${age}`, stream: 'Strom', broker: 'Kafka', database: 'Datenbank',
  lag: 'Wartende Einträge', fine: 'in Ordnung', away: 'nicht erreichbar', since: 'seit', version: 'Version', unread: 'unbekannt',
  summary: 'Zusammenfassung', transcript: 'Transkript', noTranscript: 'Noch kein Transkript.', latency: 'Latenz', breakdown: 'Kosten je Produkt',
  timeline: 'Zeitverlauf', facts: 'Eckdaten', analysis: 'Auswertung', metadata: 'Metadaten', recording: 'Aufnahme anhören',
  successful: 'Erfolgreich', voicemail: 'Mailbox', yes: 'ja', no: 'nein', callId: 'Anruf-ID', source: 'Quelle', type: 'Art', ended: 'Ende',
  notFound: 'Diesen Anruf gibt es hier nicht (mehr).', loading: 'Lädt …', total: 'Summe', resolvedBy: 'zugeordnet über', received: 'empfangen',
  statuses: { registered: 'Angemeldet', ongoing: 'Läuft', ended: 'Beendet', not_connected: 'Nicht verbunden', error: 'Fehler' },
  sentiments: { Positive: 'Positiv', Neutral: 'Neutral', Negative: 'Negativ', Unknown: 'Unklar' },
  lacks: { cost: 'Kosten', transcript: 'Transkript', summary: 'Zusammenfassung', latency: 'Latenz', recording: 'Aufnahme' },
  directions: { inbound: 'eingehend', outbound: 'ausgehend' },
  types: { phone_call: 'Telefon', web_call: 'Web' },
  roles: { Agent: 'Agent', User: 'Anrufer' },
  reasons: {
    user_hangup: 'Anrufer hat aufgelegt', agent_hangup: 'Agent hat aufgelegt', call_transfer: 'Weitergeleitet', voicemail_reached: 'Mailbox',
    ivr_reached: 'Telefonmenü', inactivity: 'Stille', max_duration_reached: 'Höchstdauer', concurrency_limit_reached: 'Zu viele gleichzeitig',
    no_valid_payment: 'Keine gültige Zahlung', dial_busy: 'Besetzt', dial_failed: 'Wahl gescheitert', dial_no_answer: 'Keine Antwort',
    invalid_destination: 'Ungültige Nummer', user_declined: 'Abgelehnt', marked_as_spam: 'Als Spam markiert', scam_detected: 'Betrug erkannt',
    manual_stopped: 'Von Hand beendet', transfer_bridged: 'Weitergeleitet', transfer_cancelled: 'Weiterleitung abgebrochen',
    registered_call_timeout: 'Nie begonnen', error_user_not_joined: 'Anrufer kam nicht dazu', error_asr: 'Spracherkennung gescheitert',
    error_no_audio_received: 'Kein Ton', error_llm_websocket_open: 'Sprachmodell nicht erreichbar', error_retell: 'Fehler der Plattform',
    error_llm_websocket_lost_connection: 'Sprachmodell verloren', error_llm_websocket_runtime: 'Sprachmodell gescheitert', error_unknown: 'Unbekannter Fehler',
    telephony_provider_unavailable: 'Telefonie nicht erreichbar', sip_routing_error: 'Vermittlung gescheitert', call_take_over: 'Übernommen',
  },
  events: {
    call_started: 'Anruf begonnen', call_ended: 'Anruf beendet', call_analyzed: 'Anruf ausgewertet', call_synced: 'Von der Plattform geholt',
    call_gone: 'Der Plattform unbekannt', call_assigned: 'Zugewiesen', transcript_updated: 'Transkript gewachsen',
    transfer_started: 'Weiterleitung begonnen', transfer_bridged: 'Weiterleitung verbunden', transfer_cancelled: 'Weiterleitung abgebrochen',
    transfer_ended: 'Weiterleitung beendet',
  },
};

/** "de-CH" if that is what the browser speaks: its own form of numbers, our German. */
export const locale = navigator.languages.find((language) => /^(de|en)\b/i.test(language)) ?? 'en';
export const words = /^de\b/i.test(locale) ? GERMAN : ENGLISH;

/** A word of one of the lists above; a value nobody foresaw is shown as it is, readable. */
export function wordOf(list, value) {
  return value == null ? '' : Object.hasOwn(words[list], value) ? words[list][value] : String(value).replaceAll('_', ' ');
}

/** Fills in what the page's own markup says in data-word, data-word-placeholder and data-word-label. */
export function fillInWords() {
  document.documentElement.lang = words === GERMAN ? 'de' : 'en';
  for (const node of document.querySelectorAll('[data-word]')) node.textContent = words[node.dataset.word];
  for (const node of document.querySelectorAll('[data-word-placeholder]')) node.placeholder = words[node.dataset.wordPlaceholder];
  for (const node of document.querySelectorAll('[data-word-label]')) node.setAttribute('aria-label', words[node.dataset.wordLabel]);
}
