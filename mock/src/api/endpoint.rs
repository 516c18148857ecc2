//! Endpoints, the unit of Neon's limits.

use crate::named;

named! {
    /// Class of an endpoint, by which service times are set and calls counted.
    pub enum Class {
        /// Reads accounts: one, or a page of the list.
        Get = "get",
        /// Changes fields of one record.
        Patch = "patch",
        /// Creates or replaces one record.
        Put = "put",
        /// Searches accounts.
        Search = "search",
        /// Looks up fields, lists and settings, and keeps webhooks.
        Metadata = "metadata",
    }
}

impl Class {
    /// True if calls of it change records.
    pub const fn is_write(self) -> bool {
        matches!(self, Self::Patch | Self::Put)
    }
}

/// One line per endpoint: name, verb, path template, class.
macro_rules! endpoints {
    ($($name:ident: $verb:literal $template:literal $class:ident;)*) => {
        /// A verb and a path template: the unit of Neon's limits.
        #[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
        pub enum Endpoint {
            $(#[doc = concat!("`", $verb, " ", $template, "`")] $name,)*
        }

        impl Endpoint {
            /// Every endpoint, in the order of its index.
            pub const ALL: [Self; [$(Self::$name),*].len()] = [$(Self::$name),*];

            /// The HTTP verb.
            pub const fn verb(self) -> &'static str {
                match self { $(Self::$name => $verb,)* }
            }

            /// The path template, below the base path.
            pub const fn template(self) -> &'static str {
                match self { $(Self::$name => $template,)* }
            }

            /// Verb and path template, as Neon's documentation writes them.
            pub const fn name(self) -> &'static str {
                match self { $(Self::$name => concat!($verb, " ", $template),)* }
            }

            /// Its class.
            pub const fn class(self) -> Class {
                match self { $(Self::$name => Class::$class,)* }
            }
        }
    };
}

endpoints! {
    GetAccount: "GET" "/accounts/{id}" Get;
    PatchAccount: "PATCH" "/accounts/{id}" Patch;
    PutAccount: "PUT" "/accounts/{id}" Put;
    ListAccounts: "GET" "/accounts" Get;
    SearchAccounts: "POST" "/accounts/search" Search;
    SearchFields: "GET" "/accounts/search/searchFields" Metadata;
    OutputFields: "GET" "/accounts/search/outputFields" Metadata;
    ListCustomFields: "GET" "/customFields" Metadata;
    GetCustomField: "GET" "/customFields/{id}" Metadata;
    CreateAccount: "POST" "/accounts" Put;
    ListGroups: "GET" "/customFields/groups" Metadata;
    ListWebhooks: "GET" "/webhooks" Metadata;
    ActivityStatuses: "GET" "/properties/activityStatuses" Metadata;
    AddressTypes: "GET" "/properties/addressTypes" Metadata;
    CompanyTypes: "GET" "/properties/companyTypes" Metadata;
    Countries: "GET" "/properties/countries" Metadata;
    CurrentSystemUser: "GET" "/properties/currentSystemUser" Metadata;
    EventCategories: "GET" "/properties/eventCategories" Metadata;
    EventTopics: "GET" "/properties/eventTopics" Metadata;
    Funds: "GET" "/properties/funds" Metadata;
    Genders: "GET" "/properties/genders" Metadata;
    IndividualTypes: "GET" "/properties/individualTypes" Metadata;
    OrganizationProfile: "GET" "/properties/organizationProfile" Metadata;
    Prefixes: "GET" "/properties/prefixes" Metadata;
    Purposes: "GET" "/properties/purposes" Metadata;
    RelationTypes: "GET" "/properties/relationTypes" Metadata;
    SolicitationMethods: "GET" "/properties/solicitationMethods" Metadata;
    Sources: "GET" "/properties/sources" Metadata;
    StateProvinces: "GET" "/properties/stateProvinces" Metadata;
    SystemTimezones: "GET" "/properties/systemTimezones" Metadata;
    SystemUsers: "GET" "/properties/systemUsers" Metadata;
    CreateWebhook: "POST" "/webhooks" Metadata;
    GetWebhook: "GET" "/webhooks/{id}" Metadata;
    PutWebhook: "PUT" "/webhooks/{id}" Metadata;
    PatchWebhook: "PATCH" "/webhooks/{id}" Metadata;
    DeleteWebhook: "DELETE" "/webhooks/{id}" Metadata;
}

impl Endpoint {
    /// Position in [`Endpoint::ALL`].
    pub const fn index(self) -> usize {
        self as usize
    }

    /// The endpoint of that [`name`](Self::name).
    pub fn from_name(name: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|endpoint| endpoint.name() == name)
    }
}
