// ENUM (RFC 6116): one number, +1 800 555 1234, is the apex of its zone. "E2U+email" is registered
// with subtypes alone, and "smtp+E2U" is the order of RFC 2916.
D("4.3.2.1.5.5.5.0.0.8.1.e164.arpa.", REGISTRAR("registrar"), SERVICE("provider"),
  NAPTR("@", 100, 50, "u", "E2U+SIP", "!^.*$!sip:customer-service@example.com!", "."),
  NAPTR("@", 101, 50, "u", "E2U+email", "!^.*$!mailto:information@example.com!", "."),
  NAPTR("@", 101, 50, "u", "smtp+E2U", "!^.*$!mailto:information@example.com!", "."),
);
