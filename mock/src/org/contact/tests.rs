//! Contacts and links, and what they show of the accounts.

use super::*;
use crate::dataset::Dataset;

fn organisation() -> Organisation {
    Organisation::new(&Dataset::built_in("companies", 2).unwrap(), 50, 1)
}

fn first(organisation: &Organisation, kind: AccountKind) -> AccountId {
    organisation.ids().find(|&id| organisation.kind(id) == kind).unwrap()
}

fn contacts(organisation: &Organisation, id: AccountId) -> Vec<Contact> {
    organisation.contacts(id, &Page::default(), &Behaviour::default()).unwrap().contacts
}

fn named(first_name: &str) -> Contact {
    Contact { first_name: Some(first_name.into()), ..Contact::default() }
}

#[test]
fn a_persons_own_contact_is_the_accounts_identity() {
    let mut organisation = organisation();
    let id = first(&organisation, AccountKind::Individual);
    let [own] = contacts(&organisation, id).try_into().unwrap();
    let contact_id = own.contact_id.unwrap();
    let behaviour = Behaviour::default();
    let change = Contact { title: Some("Treasurer".into()), ..named("Zoe") };
    organisation.patch_contact(Timestamp::ZERO, id, contact_id, &change, &behaviour).unwrap();
    let body = organisation.account(id).unwrap().body;
    let written = body.primary_contact.unwrap();
    assert_eq!((written.first_name, written.last_name), (Some("Zoe".into()), own.last_name));
    let now = organisation.contact(id, contact_id).unwrap();
    assert_eq!((now.title, now.primary_contact), (Some("Treasurer".into()), Some(true)));
    assert!(!organisation.has_original_identity(id));

    organisation.put_contact(Timestamp::ZERO, id, contact_id, &named("Ann"), &behaviour).unwrap();
    let now = organisation.contact(id, contact_id).unwrap();
    assert_eq!((now.last_name, now.title), (None, None), "a PUT wipes what it leaves out");
    assert_eq!(organisation.delete_contact(id, contact_id), Err(ContactError::Own(contact_id)));
}

#[test]
fn contacts_are_made_listed_and_taken_away() {
    let mut organisation = organisation();
    let id = first(&organisation, AccountKind::Company);
    assert!(contacts(&organisation, id).is_empty());
    let nameless = organisation.create_contact(id, &Contact::default());
    assert_eq!(nameless, Err(ContactError::Required("firstName or lastName")));
    let made = organisation.create_contact(id, &named("Ada")).unwrap();
    let [listed] = contacts(&organisation, id).try_into().unwrap();
    assert_eq!(listed.contact_id, Some(made));
    assert_eq!(organisation.contact(id, made).unwrap(), listed);
    organisation.delete_contact(id, made).unwrap();
    assert_eq!(organisation.contact(id, made), Err(ContactError::UnknownContact(made)));
    let nobody = AccountId(51);
    let unknown = Err(ContactError::UnknownAccount(nobody));
    assert_eq!(organisation.create_contact(nobody, &named("Ada")), unknown);
}

#[test]
fn a_link_shows_the_person_among_the_companys_contacts() {
    let mut organisation = organisation();
    let company = first(&organisation, AccountKind::Company);
    let person = first(&organisation, AccountKind::Individual);
    let contact_id = contacts(&organisation, person)[0].contact_id;
    let link = Link {
        individual_contact_id: contact_id,
        company_account_id: Some(company),
        is_primary_contact: Some(true),
        title: Some("Baker".into()),
        ..Link::default()
    };
    let behaviour = Behaviour::default();
    assert_eq!(organisation.link(Timestamp::ZERO, &link, &behaviour), Ok(company));
    let [linked] = contacts(&organisation, company).try_into().unwrap();
    let own = &contacts(&organisation, person)[0];
    assert_eq!((linked.account_id, &linked.first_name), (Some(person), &own.first_name));
    let primary = |organisation: &Organisation| {
        organisation.account(company).unwrap().body.primary_contact_account_id
    };
    assert_eq!(primary(&organisation), Some(person));
    let again = organisation.link(Timestamp::ZERO, &link, &behaviour);
    assert_eq!(again, Err(ContactError::LinkedAlready(contact_id.unwrap())));

    let unlink = Unlink { individual_contact_id: contact_id, company_account_id: Some(company) };
    assert_eq!(organisation.unlink(Timestamp::ZERO, &unlink, &behaviour), Ok(company));
    assert_eq!((contacts(&organisation, company).len(), primary(&organisation)), (0, None));
    let again = organisation.unlink(Timestamp::ZERO, &unlink, &behaviour);
    assert_eq!(again, Err(ContactError::UnknownContact(contact_id.unwrap())));

    let wrong = Link { company_account_id: Some(person), ..link };
    let refused = organisation.link(Timestamp::ZERO, &wrong, &behaviour);
    assert_eq!(refused, Err(ContactError::NoCompany(person)));
}
