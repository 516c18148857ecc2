<?php
// A typed client in the style of PHP: every member has its type, so that a missing one is a TypeError.
declare(strict_types=1);

final class Timestamps
{
    public function __construct(
        public readonly string $createdBy,
        public readonly string $createdDateTime,
        public readonly string $lastModifiedBy,
        public readonly string $lastModifiedDateTime,
    ) {}
}

final class Contact
{
    /** @param list<array<string, mixed>> $addresses */
    public function __construct(
        public readonly string $contactId,
        public readonly ?string $firstName,
        public readonly ?string $lastName,
        public readonly ?string $preferredName,
        public readonly ?string $email1,
        public readonly ?string $email2,
        public readonly array $addresses,
    ) {}
}

final class IndividualAccount
{
    /**
     * @param list<array{id: string, name: string}> $accountCustomFields
     * @param list<array<string, mixed>> $individualTypes
     */
    public function __construct(
        public readonly string $accountId,
        public readonly bool $noSolicitation,
        public readonly bool $sendSystemEmail,
        public readonly array $accountCustomFields,
        public readonly array $individualTypes,
        public readonly Timestamps $timestamps,
        public readonly Contact $primaryContact,
    ) {}
}

/** @param array<string, mixed> $members */
function typed(string $class, array $members): object
{
    $parameters = (new ReflectionClass($class))->getConstructor()->getParameters();
    $arguments = [];
    foreach ($parameters as $parameter) {
        $name = $parameter->getName();
        if (!array_key_exists($name, $members)) {
            throw new TypeError("$class has no $name");
        }
        $type = $parameter->getType()->getName();
        $arguments[$name] = class_exists($type) ? typed($type, $members[$name]) : $members[$name];
    }
    return new $class(...$arguments);
}

final class Neon
{
    public function __construct(private string $base, private string $orgId, private string $apiKey) {}

    /** @return array<string, mixed> */
    public function call(string $method, string $path, mixed $body = null): array
    {
        $curl = curl_init($this->base . $path);
        curl_setopt_array($curl, [
            CURLOPT_CUSTOMREQUEST => $method,
            CURLOPT_RETURNTRANSFER => true,
            CURLOPT_HTTPAUTH => CURLAUTH_ANY,
            CURLOPT_USERPWD => "$this->orgId:$this->apiKey",
            CURLOPT_HTTPHEADER => ['Content-Type: application/json', 'NEON-API-VERSION: 2.8'],
        ]);
        if ($body !== null) {
            curl_setopt($curl, CURLOPT_POSTFIELDS, json_encode($body, JSON_THROW_ON_ERROR));
        }
        $text = curl_exec($curl);
        $status = curl_getinfo($curl, CURLINFO_RESPONSE_CODE);
        if ($status !== 200) {
            throw new RuntimeException("$method $path: $status $text");
        }
        return json_decode($text, true, flags: JSON_THROW_ON_ERROR);
    }

    public function account(string $id): IndividualAccount
    {
        return typed(IndividualAccount::class, $this->call('GET', "/accounts/$id")['individualAccount']);
    }
}

[, $base, $orgId, $apiKey] = $argv;
$neon = new Neon($base, $orgId, $apiKey);
$read = 0;
for ($page = 0, $pages = 1; $page < $pages; $page++) {
    $list = $neon->call('GET', "/accounts?userType=INDIVIDUAL&pageSize=25&currentPage=$page");
    $pages = $list['pagination']['totalPages'];
    foreach ($list['accounts'] as $row) {
        $neon->account($row['accountId']);
        $read++;
    }
}
if ($read < 20) {
    throw new RuntimeException("only $read accounts");
}
$neon->call('PATCH', '/accounts/2', ['individualAccount' => ['primaryContact' => ['preferredName' => 'Zed']]]);
if ($neon->account('2')->primaryContact->preferredName !== 'Zed') {
    throw new RuntimeException('preferredName did not stay');
}
