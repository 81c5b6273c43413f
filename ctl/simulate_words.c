/* simulate_words.c: see simulate_words.h. */
#include "ctl/simulate_words.h"

#include <stdio.h>

#include "common/slice.h"

static const struct dialogue DIALOGUES[] = {
    {.matter = "Kontrolltermin",
     .lines = {"Guten Tag, hier ist der Telefonassistent von {firm}. Wie kann ich Ihnen helfen?",
               "Guten Tag, {name} mein Name. Ich hätte gern einen Termin zur Kontrolle.",
               "Gern. Passt es Ihnen am {day} um {time}?", "Ja, das passt gut.",
               "Dann trage ich Sie ein, {name}, am {day} um {time}.", "Wunderbar, vielen Dank.",
               "Bringen Sie bitte Ihre Versichertenkarte mit.", "Mache ich. Auf Wiederhören!",
               "Auf Wiederhören und einen schönen Tag!"},
     .summary = "{name} hat einen Kontrolltermin am {day} um {time} vereinbart.",
     .sentiment = "Positive",
     .booked = true},
    {.matter = "Terminverschiebung",
     .lines = {"{firm}, guten Tag. Was kann ich für Sie tun?",
               "Ich muss leider meinen Termin verschieben, {name}, übermorgen um neun.",
               "Das ist kein Problem. Wäre {day} um {time} möglich?", "Geht es auch etwas später?",
               "Eine halbe Stunde später ist noch frei.", "Dann nehme ich das bitte.",
               "Ich habe es geändert. Sie erhalten eine Nachricht.", "Danke, tschüss!", "Gern geschehen, tschüss!"},
     .summary = "{name} hat einen bestehenden Termin auf {day} verschoben.",
     .sentiment = "Neutral",
     .booked = true},
    {.matter = "Öffnungszeiten",
     .lines = {"Schönen guten Tag bei {firm}. Worum geht es?", "Haben Sie am Samstag geöffnet?",
               "Am Samstag sind wir von neun bis dreizehn Uhr für Sie da.", "Und brauche ich dafür einen Termin?",
               "Nein, am Samstag geht es ohne Termin.", "Prima, mehr wollte ich nicht wissen.",
               "Dann bis bald und auf Wiederhören!"},
     .summary = "Frage nach den Öffnungszeiten am Samstag; ein Termin wurde nicht vereinbart.",
     .sentiment = "Positive",
     .booked = false},
    {.matter = "Beschwerde",
     .lines = {"{firm}, mein Name ist Clara. Wie kann ich helfen?",
               "Ich warte seit einer Woche auf einen Rückruf. Das geht so nicht!",
               "Das tut mir leid. Darf ich Ihren Namen aufnehmen?", "{name}, mit der Bitte um Rückruf noch heute.",
               "Ich gebe es sofort weiter, {name}.", "Das will ich hoffen.",
               "Sie werden bis {time} angerufen. Auf Wiederhören."},
     .summary = "{name} beschwert sich über einen ausgebliebenen Rückruf und bittet um Antwort bis {time}.",
     .sentiment = "Negative",
     .booked = false},
    {.matter = "Rezept",
     .lines = {"Willkommen bei {firm}. Was darf ich für Sie tun?",
               "Ich brauche ein Folgerezept, Größe und Dosierung wie beim letzten Mal.", "Auf welchen Namen, bitte?",
               "Auf {name}.", "Das Rezept liegt am {day} ab {time} bereit.", "Sehr gut, ich hole es ab.",
               "Bis dann, auf Wiederhören!"},
     .summary = "{name} bestellt ein Folgerezept und holt es am {day} ab.",
     .sentiment = "Neutral",
     .booked = false},
    {.matter = "Neukunde",
     .lines = {"Guten Tag, Sie sprechen mit dem Assistenten von {firm}.",
               "Hallo, nehmen Sie zurzeit neue Kundinnen und Kunden an?", "Ja, sehr gern. Wann würde es Ihnen passen?",
               "Am liebsten am {day}.", "Am {day} habe ich um {time} noch etwas frei.",
               "Das nehme ich. {name} ist mein Name.", "Ich freue mich, {name}. Kommen Sie bitte zehn Minuten früher.",
               "Alles klar, bis {day}!", "Vielen Dank für Ihren Anruf!"},
     .summary = "{name} kommt neu hinzu, erster Termin am {day} um {time}.",
     .sentiment = "Positive",
     .booked = true},
};

const struct dialogue *words_dialogue(uint64_t pick)
{
    return &DIALOGUES[pick % COUNT(DIALOGUES)];
}

const char *words_given_name(uint64_t pick)
{
    static const char *const NAMES[] = {"Anna",   "Jonas", "Ayşe",  "Käthe", "Emil",  "Lena", "Mehmet", "Sofia",
                                        "Jürgen", "Paula", "Oskar", "Nele",  "Björn", "Mia",  "Zoë"};
    return NAMES[pick % COUNT(NAMES)];
}

const char *words_family_name(uint64_t pick)
{
    static const char *const NAMES[] = {"Müller",  "Schröder", "Yılmaz", "Großmann", "Böhm", "Köhler",
                                        "Weiß",    "Lindner",  "Jäger",  "Nowak",    "Vogt", "Krüger",
                                        "Özdemir", "Hartwig",  "Sauer",  "Petersen"};
    return NAMES[pick % COUNT(NAMES)];
}

const char *words_day(uint64_t pick)
{
    static const char *const DAYS[] = {"Montag", "Dienstag", "Mittwoch", "Donnerstag", "Freitag"};
    return DAYS[pick % COUNT(DAYS)];
}

const char *words_time(uint64_t pick)
{
    static const char *const TIMES[] = {"acht Uhr",     "neun Uhr dreißig",     "zehn Uhr",    "elf Uhr fünfzehn",
                                        "vierzehn Uhr", "fünfzehn Uhr dreißig", "siebzehn Uhr"};
    return TIMES[pick % COUNT(TIMES)];
}

const char *words_agent_name(uint64_t pick)
{
    static const char *const NAMES[] = {"Empfang", "Terminservice", "Telefonassistent", "Clara", "Sprechstunde"};
    return NAMES[pick % COUNT(NAMES)];
}

const char *words_firm(uint64_t pick)
{
    static const char *const FIRMS[] = {"Praxis am Park", "Salon Nord", "Physio am Markt", "Optik Blick",
                                        "Zahnarztpraxis Süd"};
    return FIRMS[pick % COUNT(FIRMS)];
}

void words_number(char number[NUMBER_TEXT_BYTES], uint64_t pick)
{
    /* Berlin, Hamburg, Köln, Frankfurt, München. */
    static const char *const BLOCKS[] = {"+493023125", "+494066969", "+492214710", "+496990009", "+498999998"};
    snprintf(number, NUMBER_TEXT_BYTES, "%s%03u", BLOCKS[pick % COUNT(BLOCKS)],
             (unsigned)(pick / COUNT(BLOCKS) % 1000));
}
