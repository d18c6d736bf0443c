//! What a lint can find: stable words, each with how much it matters.

/// How much a finding matters.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Severity {
    /// Worth a word.
    Note,
    /// Some clients will do something else, or it is likely to be meant otherwise.
    Warning,
    /// Clients or resolvers drop the record.
    Error,
}

impl Severity {
    /// Its name.
    pub fn name(self) -> &'static str {
        match self {
            Self::Note => "note",
            Self::Warning => "warning",
            Self::Error => "error",
        }
    }
}

macro_rules! codes {
    ($($code:ident $severity:ident $name:literal $about:literal)*) => {
        /// What is found.
        #[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
        #[non_exhaustive]
        pub enum Code {
            $(#[doc = $about] $code,)*
        }

        impl Code {
            /// All of them.
            pub const ALL: &[Self] = &[$(Self::$code),*];

            /// The word for it, which stays.
            pub fn name(self) -> &'static str {
                match self { $(Self::$code => $name,)* }
            }

            /// How much it matters.
            pub fn severity(self) -> Severity {
                match self { $(Self::$code => Severity::$severity,)* }
            }
        }
    };
}

codes! {
    // As typed.
    TextSyntax Error "text-syntax" "No record can be read."
    BackslashOnce Error "backslash-once" "One backslash where text needs two, and no rule is left without it."
    BackslashLost Warning "backslash-lost" "One backslash where text needs two; what is left is a rule, but another one."
    TypographicQuotes Error "typographic-quotes" "Quotation marks of a word processor."
    ReplacementMissing Error "replacement-missing" "Five fields: the dot for an unused replacement is missing."
    ReplacementRelative Warning "replacement-relative" "A replacement without final dot that repeats its origin, or has none."
    RegexpUnquoted Note "regexp-unquoted" "A regexp without quotes, where ; begins a comment."
    NotRead Warning "not-read" "A directive that is not followed."
    OwnerNoNumber Warning "owner-no-number" "A name below the apex that is no number."
    WildcardDisabled Warning "wildcard-disabled" "Longer names take numbers away from a wildcard (RFC 4592)."
    // The fields.
    FlagsUnknown Error "flags-unknown" "A flag that its application does not have."
    FlagsSeveral Error "flags-several" "Flags that exclude each other."
    FlagsCase Note "flags-case" "A flag in upper case."
    ServicesSyntax Error "services-syntax" "Services in nobody's grammar."
    ServicesForeign Warning "services-foreign" "Services of another application at a number."
    ServicesOld Warning "services-old" "The order of RFC 2916."
    ServiceUnregistered Warning "service-unregistered" "An enumservice that is not registered."
    ServicePrivate Note "service-private" "A private or experimental enumservice."
    RegexpAndReplacement Error "regexp-and-replacement" "Both are set, where one excludes the other."
    NoRewrite Error "no-rewrite" "Neither regexp nor replacement is set."
    TerminalReplacement Error "terminal-replacement" "Flag u with a replacement, which is no URI."
    NonterminalRegexp Warning "nonterminal-regexp" "A regexp that is ignored, for the record leads on."
    NonterminalNowhere Error "nonterminal-nowhere" "No flag, and no replacement to lead on to."
    Nonterminal Note "nonterminal" "A record that leads on, which not all clients follow."
    RegexpUnused Error "regexp-unused" "A regexp where the application takes the replacement only."
    NotPrintable Warning "not-printable" "Octets outside printable ASCII."
    // The rule.
    BadDelimiter Error "bad-delimiter" "A first octet that cannot be a delimiter."
    Delimiters Error "delimiters" "Not exactly three delimiters."
    Nul Error "nul" "An octet 0."
    UnknownRuleFlag Error "unknown-rule-flag" "Something other than i behind the last delimiter."
    EmptyExpression Error "empty-expression" "No expression, which BIND refuses."
    BadExpression Error "bad-expression" "No extended regular expression."
    NoSuchGroup Error "no-such-group" "A back-reference without its group."
    BindRefuses Error "bind-refuses" "An expression that BIND refuses, and with it the whole message."
    NotPortable Error "not-portable" "A Perl or GNU escape that extended regular expressions do not have."
    BracketBackslash Note "bracket-backslash" "A backslash in brackets, where it is a character."
    IgnoreCase Note "ignore-case" "Flag i, though numbers have no letters."
    DelimiterUnusual Note "delimiter-unusual" "A delimiter other than !."
    DelimiterMeta Warning "delimiter-meta" "A delimiter that means something in expressions."
    Unanchored Warning "unanchored" "An expression that may match in the middle of a number."
    GroupUnused Note "group-unused" "Groups without a back-reference."
    BackslashTwice Error "backslash-twice" "A backslash that is still there on the wire: escaped once too often."
    // What it gives.
    NoMatch Error "no-match" "The expression does not match the number of its owner."
    MatchesNothing Warning "matches-nothing" "The expression matches none of the numbers that it was tried on."
    EnginesDiffer Warning "engines-differ" "POSIX, glibc and Perl give different results."
    OutputNoUri Error "output-no-uri" "The output is no absolute URI."
    OutputEmpty Error "output-empty" "The output is empty."
    OutputLong Warning "output-long" "A URI that is longer than many clients take."
    TooCostly Warning "too-costly" "An expression that takes too long."
    UriScheme Error "uri-scheme" "A URI of a scheme that the enumservice does not have."
    SipContact Warning "sip-contact" "A contact address where an address-of-record belongs (RFC 3764 §3)."
    SipCapability Warning "sip-capability" "Capabilities in an address-of-record (RFC 3764 §4)."
    TelLoop Warning "tel-loop" "A tel URI that leads back to its own number."
    // The records of a name, of a file.
    SipSeveral Warning "sip-several" "More than one SIP address-of-record."
    RecordTwice Warning "record-twice" "The same record again."
    PreferenceAsWeight Warning "preference-as-weight" "Preferences that look like shares."
    PreferenceTie Note "preference-tie" "Records with the same order and preference."
    OrderAgainstPreference Warning "order-against-preference" "Orders and preferences that sort records differently."
    NonterminalLoop Error "nonterminal-loop" "Records that lead on in a circle."
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_are_distinct_words() {
        let mut names: Vec<&str> = Code::ALL.iter().map(|code| code.name()).collect();
        assert!(names.iter().all(|name| name.bytes().all(|o| o.is_ascii_lowercase() || o == b'-')));
        names.sort_unstable();
        names.dedup();
        assert_eq!(Code::ALL.len(), names.len());
    }
}
