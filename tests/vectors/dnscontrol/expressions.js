// Expressions with groups and without anchors, each for +44 111 555 1234: one backslash on the wire is
// two in JavaScript. The last one is the only form of U-NAPTR (RFC 4848 §2.2).
D("4.3.2.1.5.5.5.1.1.1.4.4.e164.arpa", NewRegistrar("registrar"), DnsProvider("provider"),
  DefaultTTL("5m"),
  NAPTR("@", 10, 1, "u", "E2U+voice:tel", "!(\\+441115551234)!tel:\\1!", "."),
  NAPTR("@", 10, 2, "u", "E2U+voice:tel", "!^(\\+441115551234)$!tel:\\1!", "."),
  NAPTR("@", 10, 3, "u", "E2U+voice:tel", "!(.+)!tel:\\1!", "."),
  NAPTR("@", 10, 4, "u", "E2U+sip", "!\\+44111(.+)!sip:775\\1@some.example.com!", "."),
  NAPTR("@", 10, 5, "u", "E2U+sip", "!.*!sip:james@sip.example.com!", ".", TTL(60)),
);
D("u.example.com", NewRegistrar("registrar"), DnsProvider("provider"),
  NAPTR("@", 100, 10, "u", "LoST:https", "!.*!https://lost.example.com/!", "."),
);
