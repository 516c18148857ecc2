//! Writing accounts: PATCH, PUT and POST, checked whole before anything is applied.

use super::Organisation;
use super::change::{AccountChange, Author, Writes};
use super::field::Field;
use super::standard::blank_members;
use super::synthetic::primary_contact_id;
use crate::api::{
    Account, AccountBody, AccountId, AccountKind, ApiError, CustomFieldItem, FieldId, OptionId,
    OtherMembers, PrimaryContact, Value,
};
use crate::behaviour::{BadItem, Behaviour, EmptyOptions, NullText, UnknownMembers};
use crate::time::Timestamp;
use smallvec::SmallVec;

/// Write errors. Nothing was applied, unless the profile says otherwise.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[allow(missing_docs, reason = "the messages say it")]
pub enum WriteError {
    #[error("account does not exist")]
    UnknownAccount,
    #[error("the wrapper is not that of the account's kind")]
    WrongKind,
    #[error("a company needs a name")]
    NameRequired,
    #[error("there is no member `{0}`")]
    UnknownMember(String),
    #[error("Customfield id is required.")]
    FieldIdRequired,
    #[error("Customfield id is invalid.")]
    FieldIdInvalid,
    #[error("Customfield option value is required.")]
    OptionValueRequired,
    #[error("Customfield option id is required.")]
    OptionIdRequired,
    #[error("Customfield option id is invalid.")]
    OptionIdInvalid,
    #[error("Customfield option id is duplicated.")]
    OptionIdDuplicated,
    #[error("Customfield id is duplicated.")]
    FieldIdDuplicated,
    #[error("the custom field holds one option")]
    SeveralOptions,
}

impl WriteError {
    /// The error as Neon answers it. Source of codes 50 to 56 and their texts: Neon's page on response
    /// codes.
    pub fn api_error(&self) -> ApiError {
        let code = match self {
            Self::UnknownAccount
            | Self::WrongKind
            | Self::NameRequired
            | Self::UnknownMember(_)
            | Self::SeveralOptions => 1,
            Self::FieldIdRequired => 50,
            Self::FieldIdInvalid => 51,
            Self::OptionValueRequired => 52,
            Self::OptionIdRequired => 53,
            Self::OptionIdInvalid => 54,
            Self::OptionIdDuplicated => 55,
            Self::FieldIdDuplicated => 56,
        };
        ApiError::new(code, self.to_string())
    }
}

impl Organisation {
    /// Changes the fields that `account` lists and leaves the others, at `now`.
    ///
    /// A listed option set replaces the previous one; `[]` and `""` clear.
    ///
    /// Errors: [`WriteError`] for an unknown account, the wrong wrapper or an invalid item.
    pub fn patch(
        &mut self,
        now: Timestamp,
        id: AccountId,
        account: &Account,
        behaviour: &Behaviour,
    ) -> Result<(), WriteError> {
        let repeats = self.amend(Author::Client, now, id, account, behaviour)?;
        self.repeated_writes += u64::from(repeats);
        self.applied_writes += 1;
        Ok(())
    }

    /// The same by `author`, without counting. True if it repeats an earlier write.
    pub(crate) fn amend(
        &mut self,
        author: Author,
        now: Timestamp,
        id: AccountId,
        account: &Account,
        behaviour: &Behaviour,
    ) -> Result<bool, WriteError> {
        let writes = self.writes(now, id, account, behaviour)?;
        self.remember(now, id, behaviour.search_lag.0);
        let identity = self.merged_identity(id, &account.body);
        // Names and addresses are not compared: few migration clients write them.
        let repeats =
            identity.is_none() && self.changes.get(id).is_some_and(|change| change.holds(&writes));
        let change = self.changes.entry(id);
        change.identity = identity.or(change.identity.take());
        change.apply_by(author, now, &writes);
        Ok(repeats)
    }

    /// Replaces the account by `account`, at `now`: what it leaves out is wiped.
    ///
    /// Errors: [`WriteError`], as for [`patch`](Self::patch).
    pub fn put(
        &mut self,
        now: Timestamp,
        id: AccountId,
        account: &Account,
        behaviour: &Behaviour,
    ) -> Result<(), WriteError> {
        let writes = self.writes(now, id, account, behaviour)?;
        self.remember(now, id, behaviour.search_lag.0);
        self.replace(now, id, account, &writes);
        self.applied_writes += 1;
        Ok(())
    }

    /// Creates an account from `account`, at `now`, under the next free id.
    ///
    /// Errors: [`WriteError`] for a company without a name or an invalid item.
    pub fn create(
        &mut self,
        now: Timestamp,
        account: &Account,
        behaviour: &Behaviour,
    ) -> Result<AccountId, WriteError> {
        if account.kind == AccountKind::Company
            && account.body.name.as_ref().is_none_or(|name| name.trim().is_empty())
        {
            return Err(WriteError::NameRequired);
        }
        let (writes, error) = self.check(account.kind, account, behaviour);
        if let Some(error) = error {
            return Err(error);
        }
        let id = AccountId(self.last_id() + 1);
        self.remember(now, id, behaviour.search_lag.0);
        self.created.push(account.kind);
        self.replace(now, id, account, &writes);
        Ok(id)
    }

    fn replace(&mut self, now: Timestamp, id: AccountId, account: &Account, writes: &Writes) {
        let AccountBody { name, primary_contact, primary_contact_account_id, others, .. } =
            &account.body;
        let original = self.identity(id, account.kind);
        let blank = blank_members(account.kind);
        // A member that is as it was at the start takes no memory.
        let whole = |written: &OtherMembers, blank: OtherMembers, original: &OtherMembers| {
            let whole = blank.overlaid(written);
            if whole == *original { original.clone() } else { whole }
        };
        let mut identity = AccountBody {
            name: name.clone(),
            primary_contact: primary_contact.clone(),
            primary_contact_account_id: *primary_contact_account_id,
            others: whole(others, blank.others, &original.others),
            ..AccountBody::default()
        };
        let contacts = identity.primary_contact.as_mut().zip(blank.primary_contact);
        if let Some(((contact, blank), original)) = contacts.zip(original.primary_contact) {
            contact.contact_id = Some(primary_contact_id(id));
            contact.others = whole(&contact.others, blank.others, &original.others);
        }
        let mut change = AccountChange::wiping(identity);
        change.apply(now, writes);
        let repeats = self.changes.get(id).is_some_and(|old| old.says_what(&change));
        self.repeated_writes += u64::from(repeats);
        *self.changes.entry(id) = change;
    }

    /// The field writes of `account` to account `id`, if all of its items are valid.
    ///
    /// Where the profile applies the items before an invalid one, they are written here.
    fn writes(
        &mut self,
        now: Timestamp,
        id: AccountId,
        account: &Account,
        behaviour: &Behaviour,
    ) -> Result<Writes, WriteError> {
        if !self.contains(id) {
            return Err(WriteError::UnknownAccount);
        }
        if account.kind != self.kind(id) {
            return Err(WriteError::WrongKind);
        }
        let (writes, error) = self.check(account.kind, account, behaviour);
        let Some(error) = error else { return Ok(writes) };
        if behaviour.bad_item == BadItem::AppliesTheFirst && !writes.is_empty() {
            self.remember(now, id, behaviour.search_lag.0);
            self.changes.entry(id).apply(now, &writes);
        }
        Err(error)
    }

    /// The account's identity with the members that `body` names; `None` if it names none.
    fn merged_identity(&self, id: AccountId, body: &AccountBody) -> Option<Box<AccountBody>> {
        let AccountBody { name, primary_contact, primary_contact_account_id, others, .. } = body;
        let names_none =
            name.is_none() && primary_contact.is_none() && primary_contact_account_id.is_none();
        if names_none && others.is_empty() {
            return None;
        }
        let changed = self.changes.get(id).and_then(|change| change.identity.as_deref().cloned());
        let mut merged = changed.unwrap_or_else(|| self.identity(id, self.kind(id)));
        merged.name = name.clone().or(merged.name);
        merged.primary_contact_account_id =
            primary_contact_account_id.or(merged.primary_contact_account_id);
        merged.others = merged.others.overlaid(others);
        if let Some(written) = primary_contact.clone() {
            let old = merged.primary_contact.take().unwrap_or_default();
            merged.primary_contact = Some(PrimaryContact {
                contact_id: written.contact_id.or(old.contact_id),
                first_name: written.first_name.or(old.first_name),
                last_name: written.last_name.or(old.last_name),
                email1: written.email1.or(old.email1),
                others: old.others.overlaid(&written.others),
            });
        }
        Some(Box::new(merged))
    }

    /// The new values of an account of `kind`, up to the first item that is wrong.
    fn check(
        &self,
        kind: AccountKind,
        account: &Account,
        behaviour: &Behaviour,
    ) -> (Writes, Option<WriteError>) {
        let mut writes = Writes::new();
        if let Some(member) = &account.body.unknown_member
            && behaviour.unknown_members == UnknownMembers::Refused
        {
            return (writes, Some(WriteError::UnknownMember(member.to_string())));
        }
        for item in account.body.account_custom_fields.iter().flatten() {
            let written = self.writable(item.id, kind).and_then(|position| {
                if writes.iter().any(|(written, _)| *written == position) {
                    return Err(WriteError::FieldIdDuplicated);
                }
                Ok((position, self.fields[position].parse(item, behaviour)?))
            });
            match written {
                Ok((_, FieldWrite::Kept)) => {}
                Ok((position, FieldWrite::Cleared)) => writes.push((position, None)),
                Ok((position, FieldWrite::Value(value))) => writes.push((position, Some(value))),
                Err(error) => return (writes, Some(error)),
            }
        }
        (writes, None)
    }

    fn writable(&self, id: Option<FieldId>, kind: AccountKind) -> Result<usize, WriteError> {
        let position = self
            .position(id.ok_or(WriteError::FieldIdRequired)?)
            .ok_or(WriteError::FieldIdInvalid)?;
        if self.fields[position].belongs_to(kind) {
            Ok(position)
        } else {
            Err(WriteError::FieldIdInvalid)
        }
    }
}

/// Effect of a written item on its field.
enum FieldWrite {
    /// A text item without `value` leaves the field as it is.
    Kept,
    Cleared,
    Value(Value),
}

impl Field {
    /// Effect of a written item on this field.
    fn parse(
        &self,
        item: &CustomFieldItem,
        behaviour: &Behaviour,
    ) -> Result<FieldWrite, WriteError> {
        if !self.definition.display_type.has_options() {
            return Ok(match &item.value {
                None if item.is_null => match behaviour.null_text {
                    NullText::Ignored => FieldWrite::Kept,
                    NullText::Clears => FieldWrite::Cleared,
                    NullText::StoresTheWord => FieldWrite::Value(Value::Text("null".into())),
                },
                None => FieldWrite::Kept,
                Some(text) if text.is_empty() => FieldWrite::Cleared,
                Some(text) => FieldWrite::Value(Value::Text(text.clone())),
            });
        }
        let items = item.option_values.as_ref().ok_or(WriteError::OptionValueRequired)?;
        let mut ids: SmallVec<[OptionId; 4]> = SmallVec::with_capacity(items.len());
        for option in items {
            let id = option.id.ok_or(WriteError::OptionIdRequired)?;
            if self.option(id).is_none() {
                return Err(WriteError::OptionIdInvalid);
            }
            if ids.contains(&id) {
                return Err(WriteError::OptionIdDuplicated);
            }
            ids.push(id);
        }
        if ids.len() > 1 && !self.definition.display_type.is_multi_valued() {
            return Err(WriteError::SeveralOptions);
        }
        ids.sort_unstable();
        Ok(match behaviour.empty_options {
            _ if !ids.is_empty() => FieldWrite::Value(Value::Options(ids)),
            EmptyOptions::Clears => FieldWrite::Cleared,
            EmptyOptions::Ignored => FieldWrite::Kept,
        })
    }
}

#[cfg(test)]
mod tests;
