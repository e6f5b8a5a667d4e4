// Where Prisma's command finds the tables.
export default { schema: 'prisma/schema.prisma' };
