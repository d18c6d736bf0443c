// ENUM (RFC 6116): a block of ten numbers, +1 800 555 1230 to 1239, a record for each final digit.
// REGISTRAR and SERVICE name who keeps and publishes the zone.
var people = {
  1: "bob", 2: "alice", 4: "kate", 5: "steve", 6: "joe", 7: "jane", 8: "mike", 9: "linda", 0: "fax"
};
function line(digit) {
  return NAPTR(digit, 10, 10, "u", "E2U+SIP", "!^.*$!sip:" + people[digit] + "@example.com!", ".");
}
D("3.2.1.5.5.5.0.0.8.1.e164.arpa.", REGISTRAR("registrar"), SERVICE("provider"),
  Object.keys(people).map(line),
);
