/** Users and groups: RFC 7643 sections 4.1 to 4.3. Agents stand in agent-type.ts. */
import { attribute, complex, plural, type ResourceType, type Schema } from './schema.ts';

const USER_URN = 'urn:ietf:params:scim:schemas:core:2.0:User';
const ENTERPRISE_URN = 'urn:ietf:params:scim:schemas:extension:enterprise:2.0:User';
const GROUP_URN = 'urn:ietf:params:scim:schemas:core:2.0:Group';

const reference = { type: 'reference', caseExact: true } as const;

const enterprise: Schema = {
  id: ENTERPRISE_URN,
  name: 'EnterpriseUser',
  description: 'Enterprise User',
  attributes: [
    attribute('employeeNumber', 'Number of the employee.'),
    attribute('costCenter', 'Cost centre.'),
    attribute('organization', 'Organisation.'),
    attribute('division', 'Division.'),
    attribute('department', 'Department.'),
    complex('manager', 'Told when the person leaves.', [
      attribute('value', 'Id of the manager.', { caseExact: true }),
      attribute('$ref', 'Address of the manager.', { ...reference, referenceTypes: ['User'] }),
      attribute('displayName', 'Name of the manager.', { mutability: 'readOnly' }),
    ]),
  ],
};

export const MANAGER_KEY = `${ENTERPRISE_URN}:manager`;

export const USER: ResourceType = {
  name: 'User',
  endpoint: '/Users',
  description: 'A person of the workspace',
  schema: {
    id: USER_URN,
    name: 'User',
    description: 'User Account',
    attributes: [
      attribute('userName', 'The directory’s name of the person; unique.', { required: true, uniqueness: 'server' }),
      complex('name', 'Parts of the name.', [
        attribute('formatted', 'The whole name.'),
        attribute('familyName', 'Family name.'),
        attribute('givenName', 'Given name.'),
        attribute('middleName', 'Middle name.'),
        attribute('honorificPrefix', 'Title in front.'),
        attribute('honorificSuffix', 'Title behind.'),
      ]),
      attribute('displayName', 'As people are shown the person.'),
      attribute('nickName', 'Casual name.'),
      attribute('profileUrl', 'Page about the person.', { ...reference, referenceTypes: ['external'] }),
      attribute('title', 'Title, such as Vice President.'),
      attribute('userType', 'Such as Employee or Contractor.'),
      attribute('preferredLanguage', 'Language, as in Accept-Language.'),
      attribute('locale', 'Locale, such as en-US.'),
      attribute('timezone', 'Time zone, such as Europe/Paris.'),
      attribute('active', 'Whether the person may act. Set to false, the agents the person owns stop with it.', {
        type: 'boolean',
        required: true,
      }),
      plural(
        'emails',
        'The primary one (else the one of type work, else the first) is how HiveKey knows the person.',
        { required: true, uniqueness: 'server' },
        { required: true },
      ),
      plural('phoneNumbers', 'Telephone numbers.'),
      plural('ims', 'Instant messaging addresses.'),
      plural('photos', 'Pictures.', { ...reference, referenceTypes: ['external'] }),
      complex(
        'addresses',
        'Postal addresses.',
        [
          attribute('formatted', 'The whole address.'),
          attribute('streetAddress', 'Street and number.'),
          attribute('locality', 'Town.'),
          attribute('region', 'Region.'),
          attribute('postalCode', 'Postal code.'),
          attribute('country', 'Country, ISO 3166-1 alpha-2.'),
          attribute('type', 'What kind it is, such as work or home.'),
          attribute('primary', 'At most one of the values is the primary one.', { type: 'boolean' }),
        ],
        { multiValued: true },
      ),
      complex(
        'groups',
        'Groups that the person is in; changed at the group.',
        [
          attribute('value', 'Id of the group.', { caseExact: true, mutability: 'readOnly' }),
          attribute('$ref', 'Address of the group.', {
            ...reference,
            referenceTypes: ['Group'],
            mutability: 'readOnly',
          }),
          attribute('display', 'Name of the group.', { mutability: 'readOnly' }),
          attribute('type', 'How the person is in it: direct.', { mutability: 'readOnly' }),
        ],
        { multiValued: true, mutability: 'readOnly' },
      ),
      plural('entitlements', 'Entitlements in the directory. They grant nothing in HiveKey.'),
      plural('roles', 'Roles in the directory. They grant nothing in HiveKey.'),
      plural('x509Certificates', 'Certificates, DER in base64.', { type: 'binary', caseExact: true }),
    ],
  },
  extensions: [enterprise],
};

export const GROUP: ResourceType = {
  name: 'Group',
  endpoint: '/Groups',
  description: 'A group of people',
  schema: {
    id: GROUP_URN,
    name: 'Group',
    description: 'Group',
    attributes: [
      attribute('displayName', 'Name of the group; unique.', { required: true, uniqueness: 'server' }),
      complex(
        'members',
        'People in the group.',
        [
          attribute('value', 'Id of the person.', { caseExact: true, mutability: 'immutable' }),
          attribute('$ref', 'Address of the person.', {
            ...reference,
            referenceTypes: ['User'],
            mutability: 'immutable',
          }),
          attribute('display', 'Name of the person.', { mutability: 'readOnly' }),
          attribute('type', 'User.', { mutability: 'readOnly' }),
        ],
        { multiValued: true },
      ),
    ],
  },
  extensions: [],
};
