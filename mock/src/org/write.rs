//! Writing accounts: PATCH and PUT, checked whole before anything is applied.

use super::change::{Change, Writes};
use super::{Field, Organisation};
use crate::api::{
    Account, AccountBody, AccountId, AccountKind, ApiError, CustomFieldItem, FieldId, OptionId,
    PrimaryContact, Value,
};
use crate::time::Timestamp;
use smallvec::SmallVec;

/// Why a write was refused. Nothing of it was applied.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[allow(missing_docs, reason = "the messages say it")]
pub enum WriteError {
    #[error("account does not exist")]
    UnknownAccount,
    #[error("the wrapper is not that of the account's kind")]
    WrongKind,
    #[error("custom field id is required")]
    FieldIdRequired,
    #[error("custom field id is invalid")]
    FieldIdInvalid,
    #[error("custom field option value is required")]
    OptionValueRequired,
    #[error("custom field option id is required")]
    OptionIdRequired,
    #[error("custom field option id is invalid")]
    OptionIdInvalid,
    #[error("custom field option id is duplicated")]
    OptionIdDuplicated,
    #[error("custom field id is duplicated")]
    FieldIdDuplicated,
    #[error("the custom field holds one option")]
    SeveralOptions,
}

impl WriteError {
    /// The error that Neon answers. Codes 50 to 56: Neon's page on response codes.
    pub fn api_error(self) -> ApiError {
        let code = match self {
            Self::UnknownAccount | Self::WrongKind | Self::SeveralOptions => 1,
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
    /// A listed option set replaces the one that stood there; `[]` and `""` clear.
    pub fn patch(
        &mut self,
        now: Timestamp,
        id: AccountId,
        account: &Account,
    ) -> Result<(), WriteError> {
        let writes = self.check(id, account)?;
        let identity = self.merged_identity(id, &account.body);
        let change = self.changes.entry(id).or_default();
        change.identity = identity.or(change.identity.take());
        change.apply(now, &writes);
        Ok(())
    }

    /// Replaces the account by `account`, at `now`: what it leaves out is wiped.
    pub fn put(
        &mut self,
        now: Timestamp,
        id: AccountId,
        account: &Account,
    ) -> Result<(), WriteError> {
        let writes = self.check(id, account)?;
        let mut change =
            Change::wiping(AccountBody { account_custom_fields: None, ..account.body.clone() });
        change.apply(now, &writes);
        self.changes.insert(id, change);
        Ok(())
    }

    /// The account's identity with the members that `body` names; `None` if it names none.
    fn merged_identity(&self, id: AccountId, body: &AccountBody) -> Option<Box<AccountBody>> {
        let AccountBody { name, primary_contact, primary_contact_account_id, .. } = body;
        if name.is_none() && primary_contact.is_none() && primary_contact_account_id.is_none() {
            return None;
        }
        let changed = self.changes.get(&id).and_then(|change| change.identity.as_deref().cloned());
        let mut merged = changed.unwrap_or_else(|| self.identity(id, self.kind(id)));
        merged.name = name.clone().or(merged.name);
        merged.primary_contact_account_id =
            primary_contact_account_id.or(merged.primary_contact_account_id);
        if let Some(written) = primary_contact.clone() {
            let old = merged.primary_contact.take().unwrap_or_default();
            merged.primary_contact = Some(PrimaryContact {
                contact_id: written.contact_id.or(old.contact_id),
                first_name: written.first_name.or(old.first_name),
                last_name: written.last_name.or(old.last_name),
                email1: written.email1.or(old.email1),
            });
        }
        Some(Box::new(merged))
    }

    fn check(&self, id: AccountId, account: &Account) -> Result<Writes, WriteError> {
        if !self.contains(id) {
            return Err(WriteError::UnknownAccount);
        }
        let kind = self.kind(id);
        if account.kind != kind {
            return Err(WriteError::WrongKind);
        }
        let items = account.body.account_custom_fields.as_deref().unwrap_or_default();
        let mut writes = Writes::with_capacity(items.len());
        for item in items {
            let position = self.writable(item.id, kind)?;
            if writes.iter().any(|(written, _)| *written == position) {
                return Err(WriteError::FieldIdDuplicated);
            }
            match self.fields[position].parse(item)? {
                Written::Kept => {}
                Written::Cleared => writes.push((position, None)),
                Written::Value(value) => writes.push((position, Some(value))),
            }
        }
        Ok(writes)
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

/// What a written item makes of its field.
enum Written {
    /// A text item without `value` leaves the field as it is.
    Kept,
    Cleared,
    Value(Value),
}

impl Field {
    /// What a written item makes of this field.
    fn parse(&self, item: &CustomFieldItem) -> Result<Written, WriteError> {
        if !self.definition.display_type.has_options() {
            return Ok(match &item.value {
                None => Written::Kept,
                Some(text) if text.is_empty() => Written::Cleared,
                Some(text) => Written::Value(Value::Text(text.clone())),
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
        Ok(if ids.is_empty() { Written::Cleared } else { Written::Value(Value::Options(ids)) })
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::api::OptionItem;
    use crate::dataset::Dataset;

    fn organisation() -> Organisation {
        Organisation::new(&Dataset::built_in("v-fields", 2).unwrap(), 10, 1)
    }

    fn body(items: Vec<CustomFieldItem>) -> Account {
        let body = AccountBody { account_custom_fields: Some(items), ..AccountBody::default() };
        Account { kind: AccountKind::Individual, body }
    }

    fn text(id: u32, value: &str) -> CustomFieldItem {
        CustomFieldItem {
            id: Some(FieldId(id)),
            value: Some(value.into()),
            ..CustomFieldItem::default()
        }
    }

    fn options(id: u32, ids: &[u32]) -> CustomFieldItem {
        let items = ids.iter().map(|&id| OptionItem::by_id(OptionId(id))).collect();
        CustomFieldItem {
            id: Some(FieldId(id)),
            option_values: Some(items),
            ..CustomFieldItem::default()
        }
    }

    fn value(organisation: &Organisation, field: u32) -> Option<Value> {
        let values = organisation.values(AccountId(3));
        values.into_iter().find(|(id, _)| id.0 == field).map(|(_, value)| value)
    }

    /// Fields 85, 86 are text, 87 and 88 checkboxes with options 301… and 309….
    #[test]
    fn patch_replaces_what_it_lists_and_leaves_the_rest() {
        let mut organisation = organisation();
        let before = value(&organisation, 86);
        let account = body(vec![text(85, "new"), options(87, &[304, 301])]);
        organisation.patch(Timestamp::ZERO, AccountId(3), &account).unwrap();
        assert_eq!(value(&organisation, 85), Some(Value::Text("new".into())));
        assert_eq!(
            value(&organisation, 87),
            Some(Value::Options([301, 304].map(OptionId).into_iter().collect()))
        );
        assert_eq!(value(&organisation, 86), before);

        let account = body(vec![text(85, ""), options(87, &[])]);
        organisation.patch(Timestamp::ZERO, AccountId(3), &account).unwrap();
        assert_eq!((value(&organisation, 85), value(&organisation, 87)), (None, None));
    }

    #[test]
    fn patch_merges_the_members_that_it_names() {
        let mut organisation = organisation();
        let first_name = |organisation: &Organisation| {
            let body = organisation.account(AccountId(3)).unwrap().body;
            let contact = body.primary_contact.unwrap();
            (contact.first_name.unwrap(), contact.last_name)
        };
        let (_, last_name) = first_name(&organisation);
        let mut account =
            body(vec![CustomFieldItem { id: Some(FieldId(85)), ..CustomFieldItem::default() }]);
        let before = value(&organisation, 85);
        account.body.primary_contact =
            Some(PrimaryContact { first_name: Some("Zed".into()), ..PrimaryContact::default() });
        organisation.patch(Timestamp::ZERO, AccountId(3), &account).unwrap();
        assert_eq!(first_name(&organisation), ("Zed".into(), last_name));
        assert!(!organisation.has_original_identity(AccountId(3)));
        assert_eq!(value(&organisation, 85), before, "an item without a value changes nothing");
    }

    #[test]
    fn put_wipes_what_it_leaves_out() {
        let mut organisation = organisation();
        organisation.put(Timestamp::ZERO, AccountId(3), &body(vec![text(85, "only")])).unwrap();
        assert_eq!(organisation.values(AccountId(3)).len(), 1);
        assert!(organisation.account(AccountId(3)).unwrap().body.primary_contact.is_none());
    }

    #[test]
    fn a_bad_item_refuses_the_whole_write() {
        let mut organisation = organisation();
        let digest = organisation.digest();
        let mut refuse = |items, error| {
            let refused = organisation.patch(Timestamp::ZERO, AccountId(3), &body(items));
            assert_eq!(refused, Err(error));
        };
        refuse(vec![text(85, "x"), CustomFieldItem::default()], WriteError::FieldIdRequired);
        refuse(vec![text(99, "x")], WriteError::FieldIdInvalid);
        refuse(vec![text(87, "x")], WriteError::OptionValueRequired);
        refuse(vec![text(85, "x"), options(87, &[999])], WriteError::OptionIdInvalid);
        refuse(vec![options(87, &[301, 301])], WriteError::OptionIdDuplicated);
        refuse(vec![text(85, "x"), text(85, "y")], WriteError::FieldIdDuplicated);
        assert_eq!(organisation.digest(), digest);
    }
}
