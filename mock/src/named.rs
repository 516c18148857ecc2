//! Enums whose variants have names on the wire, in files or in records: one line a variant.

/// Defines an enum of unit variants with their names, by which serde, `name` and `Display` go.
#[doc(hidden)]
#[macro_export]
macro_rules! named {
    (
        $(#[$of_enum:meta])*
        pub enum $Enum:ident { $($(#[$of_variant:meta])* $Variant:ident = $name:literal,)* }
    ) => {
        $(#[$of_enum])*
        #[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
        #[derive(::serde::Serialize, ::serde::Deserialize)]
        pub enum $Enum {
            $($(#[$of_variant])* #[serde(rename = $name)] $Variant,)*
        }

        impl $Enum {
            /// Every variant, in the order of its index.
            pub const ALL: [Self; [$(Self::$Variant),*].len()] = [$(Self::$Variant),*];

            /// The name on the wire, in files and in records.
            pub const fn name(self) -> &'static str {
                match self { $(Self::$Variant => $name,)* }
            }

            /// The variant of that [`name`](Self::name).
            pub fn from_name(name: &str) -> Option<Self> {
                Self::ALL.into_iter().find(|variant| variant.name() == name)
            }
        }

        impl ::std::fmt::Display for $Enum {
            fn fmt(&self, f: &mut ::std::fmt::Formatter<'_>) -> ::std::fmt::Result {
                f.pad(self.name())
            }
        }
    };
}
