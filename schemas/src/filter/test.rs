//! Conditions on one value, of an attribute or in the data.

use std::fmt;
use std::net::IpAddr;
use std::str::FromStr;

use ipnet::IpNet;
use serde::{Deserialize, Serialize};

use super::data::Found;
use super::number::Number;
use super::wildcard::Wildcard;

/// A condition on one value. All but [`Test::Exists`] fail for a value that is not there, and for lists and objects.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub enum Test {
    /// Its canonical string is this one: a string's content, a number as it is written, `true`, `false`, `null`.
    Equals(String),
    /// Its canonical string is one of these.
    OneOf(Vec<String>),
    /// Its canonical string starts with this.
    Prefix(String),
    /// Its canonical string ends with this.
    Suffix(String),
    /// Its canonical string fits the pattern.
    Wildcard(Wildcard),
    /// It is an IP address in one of these networks.
    Cidr(Vec<Network>),
    /// It is a number, or a string that is one, for which the comparison holds; exact, whatever the size.
    Compare(Comparison, Number),
    /// Whether it is there at all; `null` in the data is there.
    Exists(bool),
}

/// How a number is compared.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub enum Comparison {
    /// `eq`: the same number, also when it is written differently.
    Equal,
    /// `ne`: another number.
    NotEqual,
    /// `lt`
    Less,
    /// `lte`
    LessOrEqual,
    /// `gt`
    Greater,
    /// `gte`
    GreaterOrEqual,
}

/// A block of IP addresses, such as `10.0.0.0/8` or `2001:db8::/32`; a single address is a block of its own.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
pub struct Network(IpNet);

/// The text is no block of addresses.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("\"{0}\" is not a network such as 10.0.0.0/8, 2001:db8::/32 or a single address")]
pub struct NotNetwork(String);

impl Test {
    pub(super) fn passes(&self, found: Found<'_>) -> bool {
        if let Self::Exists(wanted) = self {
            return *wanted != matches!(found, Found::Nothing);
        }
        let Some(text) = found.canonical() else {
            return false;
        };
        match self {
            Self::Equals(value) => text == value,
            Self::OneOf(values) => values.iter().any(|value| text == value),
            Self::Prefix(start) => text.starts_with(start.as_str()),
            Self::Suffix(end) => text.ends_with(end.as_str()),
            Self::Wildcard(pattern) => pattern.matches(text),
            Self::Cidr(networks) => text
                .parse::<IpAddr>()
                .is_ok_and(|address| networks.iter().any(|network| network.contains(address))),
            Self::Compare(comparison, number) => number
                .compare(text)
                .is_some_and(|ordering| comparison.holds(ordering)),
            Self::Exists(_) => false,
        }
    }
}

impl Comparison {
    /// Its name in a configuration.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Equal => "eq",
            Self::NotEqual => "ne",
            Self::Less => "lt",
            Self::LessOrEqual => "lte",
            Self::Greater => "gt",
            Self::GreaterOrEqual => "gte",
        }
    }

    fn holds(self, ordering: std::cmp::Ordering) -> bool {
        match self {
            Self::Equal => ordering.is_eq(),
            Self::NotEqual => ordering.is_ne(),
            Self::Less => ordering.is_lt(),
            Self::LessOrEqual => ordering.is_le(),
            Self::Greater => ordering.is_gt(),
            Self::GreaterOrEqual => ordering.is_ge(),
        }
    }
}

impl Network {
    /// An IPv4 address that is written as IPv6 (`::ffff:10.0.0.1`) is the IPv4 address.
    fn contains(self, address: IpAddr) -> bool {
        self.0.contains(&address.to_canonical())
    }
}

impl FromStr for Network {
    type Err = NotNetwork;

    fn from_str(text: &str) -> Result<Self, NotNetwork> {
        let single = || text.parse::<IpAddr>().map(IpNet::from);
        let network = text.parse::<IpNet>().or_else(|_| single());
        network
            .map(|network| Self(network.trunc()))
            .map_err(|_| NotNetwork(text.to_owned()))
    }
}

impl TryFrom<String> for Network {
    type Error = NotNetwork;

    fn try_from(text: String) -> Result<Self, NotNetwork> {
        text.parse()
    }
}

impl From<Network> for String {
    fn from(network: Network) -> Self {
        network.to_string()
    }
}

impl fmt::Display for Network {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.fmt(f)
    }
}

/// As it is written in a configuration: `wildcard "orders/*"`.
impl fmt::Display for Test {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Equals(value) => write!(f, "exact {value:?}"),
            Self::OneOf(values) => write!(f, "in {values:?}"),
            Self::Prefix(start) => write!(f, "prefix {start:?}"),
            Self::Suffix(end) => write!(f, "suffix {end:?}"),
            Self::Wildcard(pattern) => write!(f, "wildcard \"{pattern}\""),
            Self::Cidr(networks) => {
                f.write_str("cidr ")?;
                for (at, network) in networks.iter().enumerate() {
                    write!(f, "{}{network}", if at == 0 { "" } else { ", " })?;
                }
                Ok(())
            }
            Self::Compare(comparison, number) => write!(f, "{} {number}", comparison.as_str()),
            Self::Exists(wanted) => write!(f, "exists {wanted}"),
        }
    }
}
