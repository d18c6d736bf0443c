// What a dnsconfig.js may call. Calls make plain rows, which Python judges; nothing here reaches
// a file or the network. Rows have the line of the call that made them.
(function (root) {
  "use strict";
  var domains = [];
  var byName = {};
  var defaults = [];
  var stringify = JSON.stringify;

  // The line of the dnsconfig.js that called; ours are far behind its lines (javascript_child.py).
  function callerLine() {
    var frames = String(new Error("").stack).split("\n");
    for (var i = 0; i < frames.length; i++) {
      var found = /:(\d+)(?::\d+)?\)?\s*$/.exec(frames[i]);
      if (found && Number(found[1]) < 1000000) {
        return Number(found[1]);
      }
    }
    return 0;
  }

  function seconds(value, what) {
    if (typeof value === "number") {
      return value;
    }
    var found = /^([0-9]+)([smhdwny]?)$/.exec(String(value));
    if (!found) {
      throw new Error(what + " takes seconds or a duration such as \"5m\", found " + stringify(value));
    }
    var units = { s: 1, m: 60, h: 3600, d: 86400, w: 604800, n: 2592000, y: 31536000 };
    return Number(found[1]) * units[found[2] || "s"];
  }

  function apply(modifier, domain) {
    if (typeof modifier === "function") {
      modifier(domain);
    } else if (Array.isArray(modifier)) {
      modifier.forEach(function (one) { apply(one, domain); });
    } else if (modifier === null || typeof modifier !== "object") {
      throw new Error("D(" + stringify(domain.name) + "): " + stringify(modifier) +
        " is neither a record nor a modifier");
    }
  }

  // A name, and the tag behind "!" that tells views of one domain apart (split horizon).
  function plainName(name) {
    if (typeof name !== "string") {
      throw new Error("a domain's name is a string, found " + stringify(name));
    }
    var parts = name.split("!");
    var tag = parts.slice(1).join("!");
    var plain = parts[0].toLowerCase().replace(/\.$/, "");
    return { plain: plain, ending: tag && "!" + tag };
  }
  function find(named) {
    return byName["=" + named.plain + named.ending];
  }

  root.D = function D(name) {
    var named = plainName(name);
    if (find(named)) {
      throw new Error("D(" + stringify(name) + ") is there already; D_EXTEND adds to it");
    }
    domains.forEach(function (other) {
      if (other.name === named.plain) {
        throw new Error("D(" + stringify(name) + ") is another view of " + named.plain +
          ", and a plan holds one: leave the D() of all but one out");
      }
    });
    var domain = { name: named.plain, subdomain: "", ttl: 300, nsTtl: 300, records: [] };
    domain.called = named.plain + named.ending;
    byName["=" + domain.called] = domain;
    domains.push(domain);
    var modifiers = defaults.concat([].slice.call(arguments, 2));
    modifiers.forEach(function (modifier) { apply(modifier, domain); });
  };

  root.D_EXTEND = function D_EXTEND(name) {
    var named = plainName(name);
    var plain = named.plain;
    while (!find(named) && named.plain.indexOf(".") >= 0) {
      named.plain = named.plain.slice(named.plain.indexOf(".") + 1);
    }
    var domain = find(named);
    if (!domain) {
      throw new Error("D_EXTEND(" + stringify(name) + "): there is no D() for it before");
    }
    domain.subdomain = plain.slice(0, Math.max(0, plain.length - named.plain.length - 1));
    [].slice.call(arguments, 1).forEach(function (modifier) { apply(modifier, domain); });
    domain.subdomain = "";
  };

  root.DEFAULTS = function DEFAULTS() {
    defaults = [].slice.call(arguments);
  };

  // Functions that make a record: the names of what they take.
  var records = {
    A: ["name", "address"],
    AAAA: ["name", "address"],
    CNAME: ["name", "target"],
    MX: ["name", "preference", "target"],
    NAPTR: ["name", "order", "preference", "flags", "services", "regexp", "replacement"],
    NS: ["name", "target"],
    PTR: ["name", "target"],
    SOA: ["name", "primary", "mailbox", "refresh", "retry", "expire", "minimum"],
    SRV: ["name", "priority", "weight", "port", "target"],
    TXT: ["name", "text"]
  };
  Object.keys(records).forEach(function (type) {
    var takes = records[type];
    root[type] = function () {
      var line = callerLine();
      var values = [].slice.call(arguments, 0, takes.length);
      var modifiers = [].slice.call(arguments, takes.length);
      if (values.length < takes.length) {
        throw new Error(type + " takes " + takes.join(", ") + ": found " + values.length +
          " of " + takes.length);
      }
      return function (domain) {
        var record = { ttl: null };
        modifiers.forEach(function (modifier) {
          if (typeof modifier === "function") {
            modifier(record);
          }
        });
        var ttl = record.ttl === null ? domain.ttl : record.ttl;
        domain.records.push([type, line, ttl, domain.subdomain, values]);
      };
    };
  });

  root.TTL = function TTL(value) {
    var ttl = seconds(value, "TTL");
    return function (record) { record.ttl = ttl; };
  };
  root.DefaultTTL = function DefaultTTL(value) {
    var ttl = seconds(value, "DefaultTTL");
    return function (domain) { domain.ttl = ttl; };
  };
  root.NAMESERVER_TTL = function NAMESERVER_TTL(value) {
    var ttl = seconds(value, "NAMESERVER_TTL");
    return function (domain) { domain.nsTtl = ttl; };
  };
  root.NAMESERVER = function NAMESERVER(name) {
    var line = callerLine();
    return function (domain) {
      domain.records.push(["NAMESERVER", line, domain.nsTtl, "", ["@", name]]);
    };
  };
  root.INCLUDE = function INCLUDE(name) {
    var other = find(plainName(name));
    if (!other) {
      throw new Error("INCLUDE(" + stringify(name) + "): there is no D() for it before");
    }
    return function (domain) { domain.records.push.apply(domain.records, other.records); };
  };

  // The name below which the addresses of a network have names (RFC 1035 §3.5, RFC 3596 §2.5).
  root.REV = function REV(network) {
    var parts = String(network).split("/");
    var isSix = parts[0].indexOf(":") >= 0;
    var digits = isSix ? nibbles(parts[0]) : parts[0].split(".");
    var bits = parts.length > 1 ? Number(parts[1]) : (isSix ? 128 : 32);
    var each = isSix ? 4 : 8;
    if (digits.length !== (isSix ? 32 : 4) || !(bits >= 0 && bits <= each * digits.length)) {
      throw new Error("REV(" + stringify(network) + "): not a network such as 192.0.2.0/24");
    }
    if (bits % each) {
      throw new Error("REV(" + stringify(network) + "): a network that ends between labels; " +
        "name the domain itself in D()");
    }
    var labels = digits.slice(0, bits / each).reverse();
    return labels.concat([isSix ? "ip6.arpa" : "in-addr.arpa"]).join(".");
  };
  function nibbles(text) {
    var halves = text.toLowerCase().split("::");
    var groups = halves.map(function (half) { return half ? half.split(":") : []; });
    if (groups.length === 2) {
      var missing = 8 - groups[0].length - groups[1].length;
      for (var i = 0; i < missing; i++) {
        groups[0].push("0");
      }
      groups = [groups[0].concat(groups[1])];
    }
    return groups[0].map(function (group) { return ("0000" + group).slice(-4); }).join("").split("");
  }
  root.IP = function IP(text) { return String(text); };

  // Who keeps the zone and where it is published is of no concern here.
  function name(text) { return text; }
  function nothing() { return {}; }
  root.NewRegistrar = root.NewDnsProvider = name;
  ["DnsProvider", "REGISTRAR", "SERVICE", "IGNORE", "IGNORE_NAME", "IGNORE_TARGET"].forEach(
    function (called) { root[called] = nothing; });
  ["NO_PURGE", "PURGE", "AUTODNSSEC_ON", "AUTODNSSEC_OFF", "AUTOSPLIT", "END"].forEach(
    function (called) { root[called] = {}; });
  root.console = { log: nothing, warn: nothing, error: nothing };
  root.getConfiguredDomains = function () {
    return domains.map(function (domain) { return domain.called; });
  };
  ["require", "require_glob", "FETCH"].forEach(function (called) {
    root[called] = function () {
      throw new Error(called + "() reads what lies elsewhere, which is not done; " +
        "put everything into this file, or give numdip the output of dnscontrol print-ir");
    };
  });

  root.__numdip_rows = function () { return stringify(domains); };
})(globalThis);
