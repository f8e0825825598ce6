//! `--device`: the request, as text. Opening it is [`crate::device::open`]'s.

use std::fmt;
use std::str::FromStr;

/// One device of this machine: its kind, and its index among that kind.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct DeviceChoice {
    /// Its kind.
    pub kind: DeviceKind,
    /// Its index among that kind, from 0.
    pub index: usize,
}

/// The kinds of devices by their names on the command line.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, strum::Display, strum::EnumString)]
#[strum(serialize_all = "lowercase")]
pub enum DeviceKind {
    /// The first hardware GPU, else the CPU.
    #[default]
    Auto,
    /// A GPU through WGSL, by whatever API the system offers.
    Wgpu,
    /// A GPU through Vulkan's SPIR-V.
    Vulkan,
    /// A GPU through Metal's own shading language.
    Metal,
    /// An NVIDIA GPU through CUDA.
    Cuda,
    /// The processor.
    Cpu,
}

impl fmt::Display for DeviceChoice {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { kind, index } = self;
        if *index == 0 { write!(f, "{kind}") } else { write!(f, "{kind}:{index}") }
    }
}

impl FromStr for DeviceChoice {
    type Err = DeviceParseError;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        if text.starts_with(Lender::SCHEME) {
            return Err(DeviceParseError::LentElsewhere);
        }
        let (name, index) = text.split_once(':').unwrap_or((text, "0"));
        let kind = name.parse().map_err(|_| DeviceParseError::Kind(name.to_owned()))?;
        let index = index.parse().map_err(|_| DeviceParseError::Index(index.to_owned()))?;
        Ok(Self { kind, index })
    }
}

/// Where `train` computes: a device of this machine, or one that another process lends.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Place {
    /// In this process.
    Here(DeviceChoice),
    /// Lent by a `serve-device`.
    Lent(Lender),
}

impl Default for Place {
    fn default() -> Self {
        Self::Here(DeviceChoice::default())
    }
}

impl fmt::Display for Place {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Here(choice) => choice.fmt(f),
            Self::Lent(lender) => lender.fmt(f),
        }
    }
}

impl FromStr for Place {
    type Err = DeviceParseError;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        match text.strip_prefix(Lender::SCHEME) {
            Some(address) => address.parse().map(Self::Lent),
            None => text.parse().map(Self::Here),
        }
    }
}

/// A `serve-device`: its address and the token it asks for. The token is never shown.
#[derive(Clone, PartialEq, Eq)]
pub struct Lender {
    /// `HOST:PORT`.
    address: String,
    token: Option<String>,
}

impl Lender {
    /// The prefix of a lent device's address.
    pub const SCHEME: &'static str = "remote://";

    /// `HOST:PORT`, an IPv6 host in square brackets.
    pub fn address(&self) -> &str {
        &self.address
    }

    /// The token to present.
    pub fn token(&self) -> Option<&str> {
        self.token.as_deref()
    }
}

impl FromStr for Lender {
    type Err = DeviceParseError;

    /// `[TOKEN@]HOST:PORT`, without the scheme.
    fn from_str(text: &str) -> Result<Self, Self::Err> {
        let (token, address) = match text.rsplit_once('@') {
            Some((token, address)) => (Some(token.to_owned()), address),
            None => (None, text),
        };
        let whole = address.rsplit_once(':').is_some_and(|(host, port)| {
            let bare = host.strip_prefix('[').and_then(|host| host.strip_suffix(']')).unwrap_or(host);
            // A colon outside brackets: an IPv6 address whose end is ambiguous.
            let clear = bare.len() < host.len() || !host.contains(':');
            !bare.is_empty() && clear && !bare.contains(['/', ' ']) && port.parse::<u16>().is_ok_and(|port| port > 0)
        });
        if !whole || token.as_deref() == Some("") {
            return Err(DeviceParseError::Lender(address.to_owned()));
        }
        Ok(Self { address: address.to_owned(), token })
    }
}

impl fmt::Display for Lender {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}{}", Self::SCHEME, self.address)
    }
}

impl fmt::Debug for Lender {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(self, f)
    }
}

/// All devices of a run ([`crate::device::replicas`]). The main one holds the weights, makes the step and measures.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct DeviceChoices {
    /// The main device.
    pub main: Place,
    /// The others, in the order of the command line.
    pub others: Vec<Place>,
}

impl DeviceChoices {
    /// All devices, the main one first.
    pub fn iter(&self) -> impl Iterator<Item = &Place> {
        std::iter::once(&self.main).chain(&self.others)
    }

    /// The lenders among them.
    pub fn lenders(&self) -> Vec<Lender> {
        let lender = |place: &Place| match place {
            Place::Lent(lender) => Some(lender.clone()),
            Place::Here(_) => None,
        };
        self.iter().filter_map(lender).collect()
    }
}

impl fmt::Display for DeviceChoices {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.main.fmt(f)?;
        self.others.iter().try_for_each(|place| write!(f, ",{place}"))
    }
}

impl FromStr for DeviceChoices {
    type Err = DeviceParseError;

    /// Devices separated by commas.
    fn from_str(text: &str) -> Result<Self, Self::Err> {
        let (main, others) = match text.split_once(',') {
            Some((main, others)) => (main, others.split(',').map(str::parse).collect::<Result<_, _>>()?),
            None => (text, Vec::new()),
        };
        Ok(Self { main: main.parse()?, others })
    }
}

/// An invalid `--device`.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum DeviceParseError {
    /// The part before the colon.
    #[error("there is no device kind \"{0}\"; use auto, wgpu, vulkan, metal, cuda or cpu")]
    Kind(String),
    /// The part after the colon.
    #[error("\"{0}\" is not a device index; use a whole number from 0, as in wgpu:1")]
    Index(String),
    /// The part after `remote://`.
    #[error("\"{0}\" is not the address of a lent device; write remote://HOST:PORT, as in remote://192.168.0.7:3000")]
    Lender(String),
    /// A lent device for a program that does not train.
    #[error("only train computes on a lent device; use auto, wgpu, vulkan, metal, cuda or cpu here")]
    LentElsewhere,
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used, reason = "a test fails by panicking")]
    use super::*;

    #[test]
    fn device_is_a_kind_and_an_index() {
        let choice = |text: &str| text.parse::<DeviceChoice>();
        assert_eq!(choice("auto").unwrap(), DeviceChoice::default());
        assert_eq!(choice("vulkan:2").unwrap(), DeviceChoice { kind: DeviceKind::Vulkan, index: 2 });
        for text in ["auto", "wgpu", "vulkan", "metal", "cuda:1", "cpu:12"] {
            assert_eq!(choice(text).unwrap().to_string(), text);
        }
        assert_eq!(choice("gpu").unwrap_err(), DeviceParseError::Kind("gpu".into()));
        for (text, index) in [("wgpu:", ""), ("wgpu:-1", "-1"), ("cpu:0:1", "0:1")] {
            assert_eq!(choice(text).unwrap_err(), DeviceParseError::Index(index.into()), "{text}");
        }
        assert_eq!(choice("remote://gpu:3000").unwrap_err(), DeviceParseError::LentElsewhere);
    }

    #[test]
    fn a_lender_is_a_host_and_a_port_and_hides_its_token() {
        let place = |text: &str| text.parse::<Place>();
        for text in ["remote://gpu:3000", "remote://192.168.0.7:1", "remote://[::1]:65535"] {
            assert_eq!(place(text).unwrap().to_string(), text);
        }
        let Place::Lent(lender) = place("remote://se@cret@gpu:3000").unwrap() else { panic!("it is lent") };
        assert_eq!((lender.address(), lender.token()), ("gpu:3000", Some("se@cret")));
        assert!(!format!("{lender} {lender:?}").contains("se@cret"));
        for address in ["", "gpu", "gpu:", "gpu:0", "gpu:65536", ":3000", "::1:3000", "gpu:3000/1", "a b:3000"] {
            let error = place(&format!("remote://{address}")).unwrap_err();
            assert_eq!(error, DeviceParseError::Lender(address.into()));
        }
        assert!(place("remote://@gpu:3000").is_err(), "an empty token is a typo");
    }

    #[test]
    fn several_devices_are_separated_by_commas() {
        let choices = |text: &str| text.parse::<DeviceChoices>();
        assert_eq!(choices("auto").unwrap(), DeviceChoices::default());
        let text = "wgpu:1,cpu,remote://a:3000,remote://b:3000";
        let four = choices(text).unwrap();
        assert_eq!(four.to_string(), text);
        assert_eq!((four.iter().count(), four.lenders().len()), (4, 2));
        for text in ["", ",", "cpu,", "cpu,,cpu", "cpu remote://a:3000"] {
            assert!(choices(text).is_err(), "{text}");
        }
    }
}
