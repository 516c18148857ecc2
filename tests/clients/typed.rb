# A typed client in the style of Ruby: fetch raises where a member is missing, and the account goes back whole.
require "json"
require "net/http"

Address = Struct.new(:line1, :city, :zip, keyword_init: true)
Person = Struct.new(:id, :name, :email, :addresses, :fields, keyword_init: true)

class Neon
  def initialize(base, org_id, api_key)
    @base, @org_id, @api_key = URI(base), org_id, api_key
  end

  def call(method, path, body = nil)
    request = Net::HTTP.const_get(method).new(@base.path + path, "Content-Type" => "application/json")
    request.basic_auth(@org_id, @api_key)
    request.body = JSON.dump(body) if body
    answer = Net::HTTP.start(@base.host, @base.port) { |http| http.request(request) }
    raise "#{method} #{path}: #{answer.code} #{answer.body}" unless answer.code == "200"

    JSON.parse(answer.body)
  end

  def whole(id) = call("Get", "/accounts/#{id}").fetch("individualAccount")

  def person(id)
    account = whole(id)
    contact = account.fetch("primaryContact")
    addresses = contact.fetch("addresses").map do |address|
      Address.new(line1: address["addressLine1"], city: address["city"], zip: address["zipCode"])
    end
    Person.new(
      id: account.fetch("accountId"),
      name: contact.fetch("preferredName") || contact.fetch("firstName"),
      email: contact.fetch("email1"),
      addresses: addresses,
      fields: account.fetch("accountCustomFields").to_h { |field| [field.fetch("name"), field["value"] || field["optionValues"]] }
    )
  end

  def by_email(email)
    search = {
      searchFields: [{ field: "Email", operator: "EQUAL", value: email }],
      outputFields: ["Account ID", "First Name", "Last Name", "Email 1"],
      pagination: { currentPage: 0, pageSize: 5 },
    }
    call("Post", "/accounts/search", search).fetch("searchResults").map { |row| row.fetch("Account ID") }
  end
end

neon = Neon.new(*ARGV)
person = neon.person("3")
raise "found #{neon.by_email(person.email)}" unless neon.by_email(person.email) == [person.id]

# The whole account goes back as it came, as such clients do.
neon.call("Patch", "/accounts/3", { individualAccount: neon.whole("3") })
raise "an echo changed the account" unless neon.person("3") == person
