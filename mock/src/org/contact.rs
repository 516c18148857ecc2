//! Contacts of accounts, and links of people to companies.
//!
//! A person's own contact is part of the account's identity; what is kept here is what goes beyond
//! it, for those accounts alone where somebody wrote it.

use super::Organisation;
use super::change::Writes;
use super::synthetic::primary_contact_id;
use crate::api::{
    AccountBody, AccountId, AccountKind, ApiError, Contact, ContactPage, Link, Page,
    PrimaryContact, Unlink,
};
use crate::behaviour::Behaviour;
use crate::org::list::{Cut, PageTooLarge};
use crate::time::Timestamp;

/// The ids of contacts that were made begin here, behind those of people's own.
pub(super) const FIRST_CONTACT_ID: u64 = 4_000_000_000;

/// Why a contact was not made, changed or taken away. Nothing of it was applied.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[allow(missing_docs, reason = "the messages say it")]
pub enum ContactError {
    #[error("account {0} does not exist")]
    UnknownAccount(AccountId),
    #[error("contact {0} does not exist")]
    UnknownContact(AccountId),
    #[error("{0} is required")]
    Required(&'static str),
    #[error("account {0} is no company")]
    NoCompany(AccountId),
    #[error("contact {0} is linked to that company already")]
    LinkedAlready(AccountId),
    #[error("contact {0} is the account's own and stays with it")]
    Own(AccountId),
    #[error(transparent)]
    Page(#[from] PageTooLarge),
}

impl ContactError {
    /// Whether what was asked for is not there.
    pub const fn is_not_found(&self) -> bool {
        matches!(self, Self::UnknownAccount(_) | Self::UnknownContact(_))
    }

    /// The error that Neon answers; it has no code of its own for contacts.
    pub fn api_error(&self) -> ApiError {
        ApiError::new(1, self.to_string())
    }
}

impl Organisation {
    /// A page of an account's contacts.
    pub fn contacts(
        &self,
        id: AccountId,
        page: &Page,
        behaviour: &Behaviour,
    ) -> Result<ContactPage, ContactError> {
        let cut = Cut::new(page, behaviour)?;
        let (contacts, total) = cut.of(self.contacts_of(id)?.into_iter());
        Ok(ContactPage { account_id: id, contacts, pagination: cut.pagination(page, total) })
    }

    /// One contact of an account.
    pub fn contact(&self, of: AccountId, id: AccountId) -> Result<Contact, ContactError> {
        let contacts = self.contacts_of(of)?;
        let found = contacts.into_iter().find(|contact| contact.contact_id == Some(id));
        found.ok_or(ContactError::UnknownContact(id))
    }

    /// Makes a contact; its id.
    pub fn create_contact(
        &mut self,
        of: AccountId,
        contact: &Contact,
    ) -> Result<AccountId, ContactError> {
        self.check_account(of)?;
        if contact.first_name.is_none() && contact.last_name.is_none() {
            return Err(ContactError::Required("firstName or lastName"));
        }
        let id = AccountId(self.next_contact);
        self.next_contact += 1;
        let contact = Contact { account_id: None, contact_id: Some(id), ..contact.clone() };
        self.contacts.entry(of).or_default().push(contact);
        Ok(id)
    }

    /// Replaces a contact, at `now`: what `contact` leaves out is wiped.
    pub fn put_contact(
        &mut self,
        now: Timestamp,
        of: AccountId,
        id: AccountId,
        contact: &Contact,
        behaviour: &Behaviour,
    ) -> Result<(), ContactError> {
        let old = self.contact(of, id)?;
        let new = Contact {
            account_id: old.account_id,
            contact_id: Some(id),
            primary_contact: contact.primary_contact.or(old.primary_contact),
            ..contact.clone()
        };
        self.keep_contact(now, of, new, behaviour);
        Ok(())
    }

    /// Changes the members that `contact` names, at `now`.
    pub fn patch_contact(
        &mut self,
        now: Timestamp,
        of: AccountId,
        id: AccountId,
        contact: &Contact,
        behaviour: &Behaviour,
    ) -> Result<(), ContactError> {
        let old = self.contact(of, id)?;
        let new = contact.clone();
        let merged = Contact {
            account_id: old.account_id,
            contact_id: Some(id),
            first_name: new.first_name.or(old.first_name),
            middle_name: new.middle_name.or(old.middle_name),
            last_name: new.last_name.or(old.last_name),
            email1: new.email1.or(old.email1),
            email2: new.email2.or(old.email2),
            department: new.department.or(old.department),
            title: new.title.or(old.title),
            primary_contact: new.primary_contact.or(old.primary_contact),
            current_employer: new.current_employer.or(old.current_employer),
        };
        self.keep_contact(now, of, merged, behaviour);
        Ok(())
    }

    /// Takes a contact away. A person's own cannot be.
    pub fn delete_contact(&mut self, of: AccountId, id: AccountId) -> Result<(), ContactError> {
        self.contact(of, id)?;
        if self.is_own(of, id) {
            return Err(ContactError::Own(id));
        }
        let contacts = self.contacts.entry(of).or_default();
        contacts.retain(|contact| contact.contact_id != Some(id));
        Ok(())
    }

    /// Makes a person's contact one of a company's, at `now`; the company.
    pub fn link(
        &mut self,
        now: Timestamp,
        link: &Link,
        behaviour: &Behaviour,
    ) -> Result<AccountId, ContactError> {
        let (company, person, id) =
            self.linked(link.company_account_id, link.individual_contact_id)?;
        let is_known = |contact: &Contact| contact.contact_id == Some(id);
        if self.contacts.get(&company).is_some_and(|known| known.iter().any(is_known)) {
            return Err(ContactError::LinkedAlready(id));
        }
        let is_primary = link.is_primary_contact.unwrap_or(false);
        if is_primary {
            self.write_identity(now, company, behaviour, |identity| {
                identity.primary_contact_account_id = Some(person);
            });
        }
        let contacts = self.contacts.entry(company).or_default();
        if is_primary {
            for contact in contacts.iter_mut() {
                contact.primary_contact = Some(false);
            }
        }
        contacts.push(Contact {
            account_id: Some(person),
            contact_id: Some(id),
            email1: link.company_email.clone(),
            department: link.department.clone(),
            title: link.title.clone(),
            primary_contact: Some(is_primary),
            current_employer: link.is_current_employee,
            ..Contact::default()
        });
        Ok(company)
    }

    /// Undoes a link, at `now`; the company.
    pub fn unlink(
        &mut self,
        now: Timestamp,
        unlink: &Unlink,
        behaviour: &Behaviour,
    ) -> Result<AccountId, ContactError> {
        let (company, person, id) =
            self.linked(unlink.company_account_id, unlink.individual_contact_id)?;
        let contacts = self.contacts.get_mut(&company).ok_or(ContactError::UnknownContact(id))?;
        let before = contacts.len();
        contacts.retain(|contact| contact.contact_id != Some(id));
        if contacts.len() == before {
            return Err(ContactError::UnknownContact(id));
        }
        self.write_identity(now, company, behaviour, |identity| {
            identity.primary_contact_account_id.take_if(|primary| *primary == person);
        });
        Ok(company)
    }

    /// Company, person and contact that a link is between; a merged company's survivor stands for it.
    fn linked(
        &self,
        company: Option<AccountId>,
        contact: Option<AccountId>,
    ) -> Result<(AccountId, AccountId, AccountId), ContactError> {
        let id = contact.ok_or(ContactError::Required("individualContactId"))?;
        let company = company.ok_or(ContactError::Required("companyAccountId"))?;
        let company = self.survivor(company).unwrap_or(company);
        self.check_account(company)?;
        if self.kind(company) != AccountKind::Company {
            return Err(ContactError::NoCompany(company));
        }
        let person = id.0.checked_sub(primary_contact_id(AccountId(0)).0).map(AccountId);
        let is_person =
            |&of: &AccountId| self.contains(of) && self.kind(of) == AccountKind::Individual;
        let person = person.filter(is_person).ok_or(ContactError::UnknownContact(id))?;
        Ok((company, person, id))
    }

    fn check_account(&self, id: AccountId) -> Result<(), ContactError> {
        if self.contains(id) { Ok(()) } else { Err(ContactError::UnknownAccount(id)) }
    }

    /// Whether the contact is part of the account itself.
    fn is_own(&self, of: AccountId, id: AccountId) -> bool {
        id == primary_contact_id(of) && self.kind(of) == AccountKind::Individual
    }

    /// The contacts of an account, its own first.
    fn contacts_of(&self, of: AccountId) -> Result<Vec<Contact>, ContactError> {
        self.check_account(of)?;
        let kept = self.contacts.get(&of).map_or(&[][..], Vec::as_slice);
        let mut contacts = Vec::with_capacity(kept.len() + 1);
        if self.kind(of) == AccountKind::Individual {
            let own = primary_contact_id(of);
            let beyond = kept.iter().find(|contact| contact.contact_id == Some(own));
            let identity = self.identity_now(of, AccountKind::Individual, self.changes.get(of));
            let written = identity.primary_contact.unwrap_or_default();
            contacts.push(Contact {
                contact_id: Some(own),
                first_name: written.first_name,
                last_name: written.last_name,
                email1: written.email1,
                primary_contact: Some(true),
                ..beyond.cloned().unwrap_or_default()
            });
        }
        let others =
            kept.iter().filter(|contact| !contact.contact_id.is_some_and(|id| self.is_own(of, id)));
        contacts.extend(others.map(|contact| self.with_name(contact)));
        Ok(contacts)
    }

    /// A linked contact with the name that the person's account has now.
    fn with_name(&self, contact: &Contact) -> Contact {
        let Some(person) = contact.account_id else { return contact.clone() };
        let identity = self.identity_now(person, AccountKind::Individual, self.changes.get(person));
        let own = identity.primary_contact.unwrap_or_default();
        Contact {
            first_name: contact.first_name.clone().or(own.first_name),
            last_name: contact.last_name.clone().or(own.last_name),
            email1: contact.email1.clone().or(own.email1),
            ..contact.clone()
        }
    }

    /// Keeps `contact` in place of the one of its id.
    fn keep_contact(
        &mut self,
        now: Timestamp,
        of: AccountId,
        contact: Contact,
        behaviour: &Behaviour,
    ) {
        if contact.contact_id.is_some_and(|id| self.is_own(of, id)) {
            let written = PrimaryContact {
                contact_id: contact.contact_id,
                first_name: contact.first_name.clone(),
                last_name: contact.last_name.clone(),
                email1: contact.email1.clone(),
            };
            self.write_identity(now, of, behaviour, |identity| {
                identity.primary_contact = Some(written);
            });
        }
        let contacts = self.contacts.entry(of).or_default();
        match contacts.iter_mut().find(|old| old.contact_id == contact.contact_id) {
            Some(old) => *old = contact,
            None => contacts.push(contact),
        }
    }

    /// Changes name or contact of account `id`, at `now`.
    fn write_identity(
        &mut self,
        now: Timestamp,
        id: AccountId,
        behaviour: &Behaviour,
        write: impl FnOnce(&mut AccountBody),
    ) {
        self.remember(now, id, behaviour.search_lag.0);
        let mut identity = self.identity_now(id, self.kind(id), self.changes.get(id));
        write(&mut identity);
        let change = self.changes.entry(id);
        change.identity = Some(Box::new(identity));
        change.apply(now, &Writes::new());
    }
}

#[cfg(test)]
mod tests;
